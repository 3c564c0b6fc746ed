/** Runs what cannot yield for a bounded time: V8 itself stops it, however long it would hold up the process. */
import { createContext, Script } from 'node:vm'

const sandbox: { run?: (() => void) | undefined } = createContext({})
const script = new Script('run()')

/**
 * No rule on what a stranger asks for would do, since a short question about little data may already take time without
 * end.
 * @param explain the error to throw when the time is over
 */
export function runWithin<T>(timeoutMs: number, run: () => T, explain: (cause: unknown) => Error): T {
  let result: { value: T } | undefined
  sandbox.run = () => {
    result = { value: run() }
  }
  try {
    script.runInContext(sandbox, { timeout: timeoutMs })
  } catch (cause) {
    // The error is made in the script's own realm: no instance of this realm's Error.
    if (Object(cause).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') throw explain(cause)
    throw cause
  } finally {
    sandbox.run = undefined
  }
  if (result === undefined) throw new TypeError('what ran within a time ended without result')
  return result.value
}
