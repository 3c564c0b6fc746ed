/** The methods that a request asks its vendor to read it as, beside its own. */
import { GatewayError } from '../errors.ts'
import type { RequestPlan } from '../passthrough/request.ts'
import { type Field, readBodyFields, readParameters, UnreadableBody } from './override-body.ts'
import { foldParameter, isMethodHeader } from './override-names.ts'

export interface MethodOverride {
  /** In upper case. */
  readonly method: string
  /** Where it stands: `the header x-http-method-override`. */
  readonly by: string
}

/**
 * Those of headers and body; a body that is streamed counts as empty.
 * @throws {GatewayError} POLICY_DENIED for a body that a vendor may read otherwise than it is read here
 */
export function overridesOf(plan: RequestPlan, names: ReadonlySet<string>): MethodOverride[] {
  const inHeaders = plan.headers.flatMap(([name, value]) =>
    isMethodHeader(name) ? methodsIn(value, `the header ${name.toLowerCase()}`) : [],
  )
  return Buffer.isBuffer(plan.body)
    ? [...inHeaders, ...overridesIn(readFields(plan, plan.body, names), names, 'body')]
    : inHeaders
}

/** Those of a query as it is on the wire. */
export function queryOverrides(query: string, names: ReadonlySet<string>): MethodOverride[] {
  return query === '' ? [] : overridesIn(readParameters(query), names, 'query')
}

function overridesIn(fields: readonly Field[], names: ReadonlySet<string>, place: string): MethodOverride[] {
  return fields.flatMap(([name, value]) => {
    const folded = foldParameter(name)
    return names.has(folded) ? methodsIn(value, `${place}.${folded}`) : []
  })
}

/** A list counts as each of its items. */
function methodsIn(value: string, by: string): MethodOverride[] {
  const decoded = value
    .trim()
    .slice(0, 1000)
    .replace(/%[2-7][0-9a-f]/gi, decodeURIComponent)
  return (decoded.toUpperCase().match(/[A-Z][A-Z-]*/g) ?? []).map(method => ({ method, by }))
}

function readFields(plan: RequestPlan, bytes: Buffer, names: ReadonlySet<string>): Field[] {
  try {
    return readBodyFields(plan, bytes, name => names.has(foldParameter(name)))
  } catch (error) {
    if (!(error instanceof UnreadableBody)) throw error
    const message = `The body may ask for another method, which is judged too, and cannot be read: ${error.message}.`
    throw new GatewayError('POLICY_DENIED', message)
  }
}
