/** What a failed request means to a caller: undici's, Node's and OpenSSL's errors as the published codes. */
import { GatewayError } from '../errors.ts'

/** Why a call ended that nobody waits for any more: no failure of the vendor's. */
export class CallerLeft extends GatewayError {
  constructor() {
    super('UPSTREAM_TIMEOUT', 'The caller left before the upstream had answered.')
  }
}

type FailureCode = 'UPSTREAM_TIMEOUT' | 'UPSTREAM_TLS' | 'UPSTREAM_PROTOCOL' | 'UPSTREAM_UNREACHABLE'

/**
 * In this order: the first pattern that fits the error's code decides. ERR_ASSERTION is how undici's parser gives up on
 * answers such as a status below 100.
 */
const meanings: readonly (readonly [pattern: RegExp, code: FailureCode, message: string])[] = [
  [
    /^UND_ERR_(?:CONNECT|HEADERS|BODY)_TIMEOUT$|^ETIMEDOUT$|^ETIMEOUT$/,
    'UPSTREAM_TIMEOUT',
    'The upstream did not answer in time',
  ],
  [
    /^ERR_(?:TLS|SSL)_|^CERT_|CERT(?:IFICATE)?(?:_|$)|^UNABLE_TO_|^HOSTNAME_MISMATCH$|^EPROTO$|^CRL_|^INVALID_(?:CA|PURPOSE)$|^PATH_LENGTH_EXCEEDED$/,
    'UPSTREAM_TLS',
    'The TLS handshake with the upstream failed, or its certificate is not valid for the host',
  ],
  [
    /^HPE_|^UND_ERR_(?:HEADERS_OVERFLOW|RES_CONTENT_LENGTH_MISMATCH|RESPONSE)|^ERR_HTTP2_|^UND_ERR_INFO$|^ERR_ASSERTION$/,
    'UPSTREAM_PROTOCOL',
    'The upstream answered something that is not valid HTTP',
  ],
  [
    /^EAI_|^E(?:NOTFOUND|NODATA|SERVFAIL|REFUSED|FORMERR|NOTIMP|BAD(?:NAME|QUERY|RESP|FAMILY))$/,
    'UPSTREAM_UNREACHABLE',
    'The upstream’s host name cannot be resolved',
  ],
  [
    /^ECONNREFUSED$|^E(?:HOST|NET)(?:UNREACH|DOWN)$|^EADDRNOTAVAIL$|^EAFNOSUPPORT$|^EACCES$|^EPERM$|^EINVAL$/,
    'UPSTREAM_UNREACHABLE',
    'The upstream cannot be connected to',
  ],
  [
    /^ECONN|^EPIPE$|^UND_ERR_(?:SOCKET|CLOSED|DESTROYED|ABORTED)$/,
    'UPSTREAM_UNREACHABLE',
    'The upstream broke the connection',
  ],
]

/**
 * The error a caller sees; its message holds the error's code, never a URL or a header.
 * Undefined for what is no failure of an upstream but a mistake of ours.
 */
export function explainFailure(error: unknown): GatewayError | undefined {
  if (error instanceof GatewayError) return error
  const code = codeOf(error)
  const meaning = meanings.find(([pattern]) => pattern.test(code))
  if (meaning === undefined) return undefined
  return new GatewayError(meaning[1], `${meaning[2]} (${code}).`, { cause: error })
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return ''
  // An answer out of turn (a 101 or 100 nobody asked for) is reported like a broken socket; only the text differs.
  if ('code' in error && error.code === 'UND_ERR_SOCKET' && error.message.startsWith('bad ')) return 'UND_ERR_RESPONSE'
  if ('code' in error && typeof error.code === 'string') return error.code
  return error.name === 'HTTPParserError' ? 'HPE_UNKNOWN' : ''
}
