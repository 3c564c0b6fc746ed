/** What an injection adds to a request that nobody else may see. */
import type { Injection } from '../auth/strategy.ts'

/** Of a secret: fewer characters stand in many places by chance. */
const shortestPart = 4
/** What is shorter, or an address, tells who somebody is and proves nothing. */
const shortestName = 8
/** RFC 5849 §3.5.1. With PLAINTEXT the signature is the secrets themselves (§3.4.4). */
const oauthParameters = /oauth_(?:consumer_key|token|signature)="([^"]*)"/g

export function secretsOf(injection: Injection): string[] {
  const { headers, query, body } = injection
  const values = [headers, query, body].flatMap(fields => Object.values(fields)).filter(value => value !== '')
  return [...new Set([...values.flatMap(partsOf), ...signedSecretsOf(injection)])]
}

function partsOf(value: string): string[] {
  const [scheme = '', rest = ''] = value.split(/ (.*)/s)
  if (rest.length < shortestPart) return [value]
  return [value, rest, ...(/^basic$/i.test(scheme) ? pairOf(rest) : [])]
}

/** RFC 7617: a vendor that repeats it may repeat it as text. Some take their key for the name, with a word or nothing behind. */
function pairOf(basic: string): string[] {
  const [name = '', password = ''] = Buffer.from(basic, 'base64').toString().split(/:(.*)/s)
  const isKey = name.length >= shortestName && name.length > password.length && !name.includes('@')
  return [...(isKey ? [name] : []), password].filter(part => part.length >= shortestPart)
}

/** What stands in every signed request, whatever is signed. */
function signedSecretsOf({ sign }: Injection): string[] {
  if (sign === undefined) return []
  const request = { method: 'GET', origin: 'https://a.example', path: '/', headers: [], body: null, isStreamed: false }
  const { authorization = '', 'x-amz-security-token': session = '' } = sign(request, 0)
  const parameters = [...authorization.matchAll(oauthParameters)].map(([, value = '']) => decode(value))
  const secrets = parameters.flatMap(value => [value, ...value.split('&').map(decode)])
  return [session, ...secrets].filter(part => part.length >= shortestPart)
}

/** A token may look like it was encoded. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
