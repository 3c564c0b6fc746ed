/** Reads what token endpoints answer: RFC 6749 §5, and what vendors make of it. The judging half; it sends nothing. */
import { parseSingularPath, readSingularPath } from '../singular-path.ts'
import { readAnswerText } from './answer-text.ts'
import { isKnownError, kindOfError } from './error-kind.ts'
import { cleanText, maskSecrets } from './secret-mask.ts'
import type { AnswerPaths, TokenGrant } from './token-endpoint.ts'
import { TokenError, type TokenErrorKind } from './token-error.ts'
import { readExpiry } from './token-expiry.ts'

export interface ReadOptions {
  readonly answer?: AnswerPaths | undefined
  readonly lifetimeSeconds?: number | undefined
  readonly scopeSeparator?: string | undefined
  /** What was sent and must not be repeated in a message. */
  readonly secrets: readonly string[]
  /** What a 401 without a code means; `misconfigured` unless given, because that is how a client is refused. */
  readonly unauthorized?: TokenErrorKind | undefined
}

const maxTokenLength = 16_384
const maxScopes = 1000
const maxScopeLength = 1000
const maxRetryAfterMs = 3_600_000

/** @throws {TokenError} */
export async function readTokenAnswer(response: Response, options: ReadOptions): Promise<TokenGrant> {
  const answer = parseAnswer(await readAnswerText(response))
  const grant = response.ok ? readGrant(answer, options) : undefined
  if (grant !== undefined) return grant
  throw explainAnswer(response, answer, options, 'token endpoint', 'without a token')
}

/**
 * JSON whatever the type says, else a form (GitHub without an `accept`); undefined for anything else. A whole number that
 * a double would change is a raw JSON value: it may be an id.
 */
export function parseAnswer(text: string): unknown {
  try {
    return JSON.parse(text, (_key, value, { source }) => (isLossy(value, source) ? JSON.rawJSON(source) : value))
  } catch {
    return /^[\w.%+-]+=[^<>{}\s]*$/.test(text) ? Object.fromEntries(new URLSearchParams(text)) : undefined
  }
}

function isLossy(value: unknown, source: string | undefined): source is string {
  return typeof value === 'number' && source !== undefined && /^-?\d+$/.test(source) && String(value) !== source
}

/**
 * The error that an answer stands for.
 * @param place who answered
 * @param lacking what is said of an answer that says nothing itself
 */
export function explainAnswer(
  { status, headers }: Response,
  answer: unknown,
  { secrets, unauthorized = 'misconfigured' }: Pick<ReadOptions, 'secrets' | 'unauthorized'>,
  place: string,
  lacking: string,
): TokenError {
  const code = codeOf(answer)
  const isKnown = code !== undefined && isKnownError(code)
  const error = isKnown
    ? code
    : maskSecrets(code ?? '', secrets)
        .replace(/\s+/g, ' ')
        .slice(0, 100) || undefined
  const description = maskSecrets(descriptionOf(answer) ?? '', secrets)
  const said = [error, description === error ? '' : description].filter(Boolean).join(': ')
  // Both together could be what neither is alone.
  const told = isKnown ? said : maskSecrets(said, secrets)
  const message = `The ${place} answered ${status}${told === '' ? ` ${lacking}.` : `: ${told}`}`
  const kind = kindOfError(status, code, unauthorized)
  return new TokenError(kind, {
    message: cleanText(message.slice(0, 300)),
    error,
    status,
    retryAfterMs: retryAfterOf(headers),
  })
}

function readGrant(answer: unknown, options: ReadOptions): TokenGrant | undefined {
  const { answer: paths = {}, lifetimeSeconds, scopeSeparator = ' ' } = options
  const accessToken = tokenAt(answer, paths.accessToken ?? '$.access_token')
  if (accessToken === undefined) return undefined
  return {
    accessToken,
    refreshToken: tokenAt(answer, paths.refreshToken ?? '$.refresh_token'),
    expiresAt: readExpiry(
      {
        expiresIn: valueAt(answer, paths.expiresIn ?? '$.expires_in'),
        expiresAt: valueAt(answer, paths.expiresAt ?? '$.expires_at'),
        lifetimeSeconds,
      },
      Date.now(),
    ),
    scopes: scopesOf(valueAt(answer, paths.scope ?? '$.scope'), scopeSeparator),
    answer,
  }
}

function valueAt(answer: unknown, path: string): unknown {
  const parsed = parseSingularPath(path)
  return parsed === undefined ? undefined : readSingularPath(parsed, answer)
}

function tokenAt(answer: unknown, path: string): string | undefined {
  const token = valueAt(answer, path)
  const isToken = typeof token === 'string' && token.length >= 1 && token.length <= maxTokenLength
  return isToken && /^\P{Cc}+$/u.test(token) && token.isWellFormed() ? token : undefined
}

/** Vendors separate with spaces or commas, whatever the request was written with, or send a list. */
function scopesOf(scope: unknown, separator: string): string[] | undefined {
  const given = typeof scope === 'string' ? scope.split(separator).flatMap(part => part.split(/[\s,]+/)) : scope
  if (!Array.isArray(given)) return undefined
  const scopes = given.filter(
    (item): item is string =>
      typeof item === 'string' && /^[^\p{Cc}\p{Cs}]+$/u.test(item) && item.length <= maxScopeLength,
  )
  return scopes.length === 0 ? undefined : [...new Set(scopes)].slice(0, maxScopes)
}

/** RFC 6749 has it in `error`; HubSpot in `status`, many in an object `error`. */
function codeOf(answer: unknown): string | undefined {
  const own = ['$.error', '$.error.code', '$.error.type', '$.error.status'].map(path => textAt(answer, path))
  const code = own.find(text => text !== undefined)
  if (code !== undefined) return code
  const other = ['$.code', '$.errorCode', '$.status'].map(path => textAt(answer, path)?.toLowerCase())
  return other.find(text => text !== undefined && isKnownError(text))
}

function descriptionOf(answer: unknown): string | undefined {
  const places = ['$.error_description', '$.error.message', '$.message', '$.error_message', '$.errorSummary']
  return places.map(path => textAt(answer, path)).find(text => text !== undefined)
}

function textAt(answer: unknown, path: string): string | undefined {
  const value = valueAt(answer, path)
  return typeof value === 'string' && value !== '' ? value : undefined
}

/** RFC 9110 §10.2.3; never longer than an hour, because a vendor's word is no reason to wait until tomorrow. */
function retryAfterOf(headers: Headers): number | undefined {
  const text = headers.get('retry-after')
  if (text === null) return undefined
  const ms = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - Date.now()
  return ms > 0 ? Math.min(ms, maxRetryAfterMs) : undefined
}
