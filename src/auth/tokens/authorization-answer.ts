/** What a vendor's consent page sends the browser back with (RFC 6749 §4.1.2, RFC 9207). */
import { timingSafeEqual } from 'node:crypto'
import { cleanText, maskSecrets } from './secret-mask.ts'
import { TokenError } from './token-error.ts'

const maxCodeLength = 16_384

/**
 * @param expected.issuer what `iss` has to be when it is sent
 * @param expected.sendsIssuer true when it has to be sent
 * @throws {TokenError} refused, with the vendor's error code where there is one
 */
export function readAuthorizationAnswer(
  params: URLSearchParams,
  expected: {
    readonly state: string
    readonly issuer?: string | undefined
    readonly sendsIssuer?: boolean | undefined
  },
): { readonly code: string } {
  const repeated = [...params.keys()].some(name => params.getAll(name).length > 1)
  if (repeated) throw refused('The answer has a parameter twice (RFC 6749 §3.1).')
  if (!isSame(params.get('state'), expected.state)) throw refused('The answer belongs to another request.')
  const issuer = params.get('iss')
  if (issuer === null && expected.sendsIssuer === true)
    throw refused(
      'The answer does not say which authorization server it comes from, as that one always does (RFC 9207).',
    )
  if (issuer !== null && expected.issuer !== undefined && issuer !== expected.issuer)
    throw refused('The answer comes from another authorization server than the one that was asked.')
  const error = params.get('error')
  if (error !== null) throw explainRefusal(error, params.get('error_description') ?? '', expected.state)
  const code = params.get('code') ?? ''
  if (code === '' || code.length > maxCodeLength || /\p{Cc}/u.test(code))
    throw refused('The answer has neither a code nor an error.')
  return { code }
}

function isSame(state: string | null, expected: string): boolean {
  const [one, other] = [Buffer.from(state ?? ''), Buffer.from(expected)]
  return other.length > 0 && one.length === other.length && timingSafeEqual(one, other)
}

function explainRefusal(error: string, description: string, state: string): TokenError {
  const code = maskSecrets(error, [state]).slice(0, 100)
  const told = [code, maskSecrets(description, [state])].filter(Boolean).join(': ')
  return refused(`The vendor gave no consent${told === '' ? '.' : `: ${told}`}`, code)
}

function refused(message: string, error?: string): TokenError {
  return new TokenError('refused', { message: cleanText(message.slice(0, 300)), error })
}
