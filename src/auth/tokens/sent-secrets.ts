/** Everything in a token request that its receiver must not be able to put into an error message. */
import type { TokenRequestInit } from './token-endpoint.ts'

/** Parameters whose value is the protocol's or the integration's, and helps whoever reads the message. */
const publicParameters: ReadonlySet<string> = new Set([
  'client_id',
  'grant_type',
  'response_type',
  'scope',
  'redirect_uri',
  'client_assertion_type',
  'token_type_hint',
  'audience',
  'resource',
])

const publicHeaders: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'content-type',
  'user-agent',
])

export function secretsSentIn(url: string, { headers, body }: TokenRequestInit): string[] {
  const found = [
    ...secretsOfForm(new URL(url).searchParams),
    ...Object.entries(headers).flatMap(([name, value]) => secretsOfHeader(name.toLowerCase(), value)),
    ...(body === undefined ? [] : secretsOfBody(body)),
  ]
  return [...new Set(found)].filter(value => value !== '')
}

function secretsOfHeader(name: string, value: string): string[] {
  if (publicHeaders.has(name)) return []
  const [, scheme = '', credentials = ''] = /^(\S+) +(.+)$/.exec(value) ?? []
  if (name !== 'authorization' || scheme.toLowerCase() !== 'basic') return [value, credentials]
  const decoded = Buffer.from(credentials, 'base64').toString()
  const [user = '', ...password] = decoded.split(':')
  return [credentials, ...[user, password.join(':')].flatMap(half => [half, decodeForm(half)])]
}

function secretsOfBody(body: string): string[] {
  try {
    return leavesOf(JSON.parse(body))
  } catch {
    return secretsOfForm(new URLSearchParams(body))
  }
}

function secretsOfForm(params: URLSearchParams): string[] {
  return [...params].flatMap(([name, value]) => (publicParameters.has(name) ? [] : [value]))
}

function leavesOf(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => (publicParameters.has(name) ? [] : leavesOf(inner)))
}

function decodeForm(text: string): string {
  return new URLSearchParams(`=${text}`).get('') ?? text
}
