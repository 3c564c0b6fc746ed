/** Who is compared: the same answer of the same upstream, fetched in different ways. */
import { answerText } from './answer.ts'
import { type Child, startChild } from './child.ts'
import type { LoadRequest } from './load.ts'
import type { PartName } from './options.ts'
import { adminKey } from './passgate.ts'

export type ContestantName = Extract<PartName, 'direct' | 'bare' | 'nginx' | 'raw' | 'graphql'>

export interface Contestant {
  readonly name: ContestantName
  readonly request: LoadRequest
  /** Undefined when there is no process between. */
  readonly pid: number | undefined
  /** The text of a right answer holds it. */
  readonly expected: string
}

export function startUpstream(): Promise<Child> {
  return startOwn('the upstream', 'load', 'upstream.ts')
}

export function startBareProxy(upstream: URL): Promise<Child> {
  return startOwn('the bare proxy', 'contestant', 'bare-proxy.ts', upstream.origin)
}

function startOwn(name: string, role: 'load' | 'contestant', file: string, ...args: string[]): Promise<Child> {
  const command = [process.execPath, `${import.meta.dirname}/${file}`, ...args]
  return startChild({ name, role, command, listening: /listening on (\S+)/ })
}

/** Every one sends the same headers, so that none is spared work. */
const headers = { authorization: `Bearer ${adminKey}`, accept: 'application/json' }

/** One that answers as the upstream does, at `url`. */
export function plainContestant(name: ContestantName, url: string, pid?: number): Contestant {
  return { name, request: { url: `${url}/answer`, method: 'GET', headers }, pid, expected: answerText }
}

export function rawContestant({ url, pid }: Child, connectionId: string): Contestant {
  return plainContestant('raw', `${url}/passthrough/${connectionId}`, pid)
}

export function graphqlContestant({ url, pid }: Child, connectionId: string): Contestant {
  return {
    name: 'graphql',
    request: queryRequest(url, connectionId, '/answer'),
    pid,
    expected: `{"status":200,"body":${answerText}}`,
  }
}

/** One call in one operation. */
export function queryRequest(gatewayUrl: string, connectionId: string, path: string): LoadRequest {
  const query = `query Read($connectionId: ID!, $path: String!) {
  passthrough(connectionId: $connectionId, path: $path) { status body }
}`
  return operationRequest(gatewayUrl, query, { connectionId, path })
}

export function operationRequest(gatewayUrl: string, query: string, variables: object): LoadRequest {
  return {
    url: `${gatewayUrl}/graphql`,
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json' },
    body: JSON.stringify({ query, variables }),
  }
}

/** @throws when it does not answer as the upstream does, byte for byte */
export async function checkAnswer({ name, request, expected }: Contestant): Promise<void> {
  const { url, method, body = null } = request
  const response = await fetch(url, { method, headers: request.headers, body })
  const text = await response.text()
  if (response.ok && text.includes(expected)) return
  throw new Error(`${name} does not answer as it should: ${response.status} ${text.slice(0, 500)}`)
}
