/** A filled call of an action, to be pasted: as an operation, and as the curl line that sends it. */
import type { Action, ActionInput } from './action.ts'

export interface ExampleCall {
  readonly input: ActionInput
  /** A mutation; the input is its variable `$input` when its names are none that GraphQL can write. */
  readonly graphql: string
  readonly curl: string
}

/** @param url where operations are sent */
export function exampleCall({ integration, name }: Action, input: ActionInput, url: URL): ExampleCall {
  const literal = writeLiteral(input, 1)
  const isInline = literal !== undefined
  const graphql = `mutation${isInline ? '' : ' ($input: JSONObject!)'} {
  executeAction(
    integration: ${JSON.stringify(integration)}
    endUserId: "user-42"
    action: ${JSON.stringify(name)}
    input: ${literal ?? '$input'}
  ) {
    status
    httpStatus
    data
  }
}`
  const body = JSON.stringify({ query: graphql, ...(isInline ? {} : { variables: { input } }) })
  const curl = `curl ${quote(url.href)} -H 'content-type: application/json' -H 'authorization: Bearer ACCESS_KEY' --data-raw ${quote(body)}`
  return { input, graphql, curl }
}

const name = /^[A-Za-z][A-Za-z0-9_]*$/

/** Undefined when an object has a name that GraphQL has no way to write. */
function writeLiteral(value: unknown, depth: number): string | undefined {
  if (Array.isArray(value)) {
    const items = value.map(item => writeLiteral(item, depth))
    return items.includes(undefined) ? undefined : `[${items.join(', ')}]`
  }
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).map(([key, item]) => {
    const written = name.test(key) ? writeLiteral(item, depth + 1) : undefined
    return written === undefined ? undefined : `${key}: ${written}`
  })
  return entries.includes(undefined) ? undefined : `{ ${entries.join(', ')} }`.replace('{  }', '{}')
}

/** For a POSIX shell. */
function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
