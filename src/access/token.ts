/** Where a request carries its access key: the forms that GraphQL clients and vendors' SDKs use. */

/** Header values as node:http gives them. */
export type RequestHeaders = Readonly<Record<string, string | readonly string[] | undefined>>

/**
 * The access key of a request: `Authorization` as `Bearer x`, `token x`, Basic with the key as either part, or bare;
 * else `x-api-key`. Undefined when there is none.
 */
export function readAccessToken(headers: RequestHeaders): string | undefined {
  return readAccessTokens(headers)[0]
}

/** All that may be one: a client may have a header of its own in the place where the other stands. */
export function readAccessTokens(headers: RequestHeaders): string[] {
  const found = [fromAuthorization(single(headers.authorization)), single(headers['x-api-key'])]
  return found.filter(token => token !== undefined)
}

function fromAuthorization(value: string | undefined): string | undefined {
  if (value === undefined) return undefined
  const space = value.indexOf(' ')
  if (space === -1) return value
  const rest = value.slice(space + 1).trim()
  switch (value.slice(0, space).toLowerCase()) {
    case 'bearer':
    case 'token':
      return rest
    case 'basic':
      return fromBasic(rest)
    default:
      return undefined
  }
}

/** RFC 7617: base64 of `user:password`; SDKs put a key in either part and leave the other empty or say `x`. */
function fromBasic(encoded: string): string | undefined {
  const text = Buffer.from(encoded, 'base64').toString()
  const colon = text.indexOf(':')
  const parts = colon === -1 ? [text] : [text.slice(0, colon), text.slice(colon + 1)]
  return parts.sort((a, b) => b.length - a.length).find(part => part.length > 0)
}

function single(value: string | readonly string[] | undefined): string | undefined {
  const text = (typeof value === 'string' ? value : value?.[0])?.trim()
  return text === '' ? undefined : text
}
