/** One request to a token endpoint by any grant (RFC 6749 §4.5), sent and judged. */
import * as oauth from 'oauth4webapi'
import { type ClientProof, proofsFor, prove } from './client-authentication.ts'
import { isAway, isClientError } from './error-kind.ts'
import type { ClientProofs, ProofMemory } from './proof-memory.ts'
import { secretsSentIn } from './sent-secrets.ts'
import { readTokenAnswer } from './token-answer.ts'
import type {
  ClientAuthentication,
  OAuthClientFacts,
  TokenEndpoint,
  TokenFetch,
  TokenGrant,
  TokenRequestInit,
} from './token-endpoint.ts'
import { TokenError, type TokenErrorKind } from './token-error.ts'

export interface Grant {
  readonly type: string
  readonly params: Readonly<Record<string, string>>
}

/** @throws {TokenError} when there is no token */
export async function requestToken(
  endpoint: TokenEndpoint,
  client: OAuthClientFacts | undefined,
  grant: Grant,
  fetch: TokenFetch,
): Promise<TokenGrant> {
  const { clientAuthentication, tokenUrl: url, proofs } = endpoint
  const send = (proof: ClientProof) => sendGrant(endpoint, client, proof, grant, fetch)
  return await tryProofs({ url, client, clientAuthentication, proofs }, send)
}

/** Sends what is written already, and reads the answer as the endpoint's. @throws {TokenError} */
export async function sendTokenRequest(
  url: string,
  init: TokenRequestInit,
  endpoint: TokenEndpoint,
  fetch: TokenFetch,
  unauthorized?: TokenErrorKind,
): Promise<TokenGrant> {
  const { answer, lifetimeSeconds, scopeSeparator } = endpoint
  const secrets = secretsSentIn(url, init)
  return await readTokenAnswer(await fetch(url, init), {
    answer,
    lifetimeSeconds,
    scopeSeparator,
    secrets,
    unauthorized,
  })
}

export interface ProofPlace {
  readonly url: string
  readonly client: OAuthClientFacts | undefined
  readonly clientAuthentication: ClientAuthentication | undefined
  readonly proofs: ProofMemory | undefined
}

/** The next proof is tried only where the client was refused: a server that does not know it has not looked at the grant. */
export async function tryProofs<T>(place: ProofPlace, send: (proof: ClientProof) => Promise<T>): Promise<T> {
  const { url, client, clientAuthentication, proofs: memory } = place
  const proofs = proofsFor(client, clientAuthentication)
  const sorted = memory?.sort(url, client?.clientId, proofs) ?? proofs
  return await tryEach(sorted, async proof => {
    const result = await send(proof)
    if (proofs.length > 1) memory?.note(url, client?.clientId, proof)
    return result
  })
}

async function tryEach<T>([first, ...others]: ClientProofs, send: (proof: ClientProof) => Promise<T>): Promise<T> {
  try {
    return await send(first)
  } catch (error) {
    const [next, ...rest] = others
    if (next === undefined || !(error instanceof TokenError) || !isClientError(error.status, error.error)) throw error
    return await tryEach([next, ...rest], send).catch((again: unknown) => {
      // The first refusal says more than an answer that makes no sense; one that asks to come back later says enough.
      const isSenseless = again instanceof TokenError && again.kind === 'unavailable' && !isAway(again.status ?? 0)
      throw isSenseless ? error : again
    })
  }
}

export const formType = 'application/x-www-form-urlencoded'

/** What every request to a token endpoint says of itself, unless the entry says it otherwise; names in lower case. */
export function headersFor(
  headers: Readonly<Record<string, string>> | undefined,
  authorization?: string,
): Record<string, string> {
  const own = Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value] as const)
  const common = { accept: 'application/json', 'accept-encoding': 'identity', 'user-agent': 'passgate' }
  return { ...common, ...(authorization === undefined ? {} : { authorization }), ...Object.fromEntries(own) }
}

async function sendGrant(
  endpoint: TokenEndpoint,
  client: OAuthClientFacts | undefined,
  proof: ClientProof,
  { type, params }: Grant,
  fetch: TokenFetch,
): Promise<TokenGrant> {
  const { tokenUrl, refreshUrl = tokenUrl, tokenParams, refreshParams, headers, requestFormat } = endpoint
  const isRefresh = type === 'refresh_token'
  const url = isRefresh ? refreshUrl : tokenUrl
  const secrets: string[] = []
  const response = await oauth.genericTokenEndpointRequest(
    // The package signs assertions for the issuer; RFC 7523 §3 has the token endpoint's URL identify the server.
    { issuer: tokenUrl, token_endpoint: url },
    { client_id: client?.clientId ?? 'none' },
    await prove(client, proof),
    type,
    { ...tokenParams, ...(isRefresh ? refreshParams : {}), ...params },
    {
      // Whether plain http may be sent to is the egress guard's to say.
      [oauth.allowInsecureRequests]: true,
      [oauth.customFetch]: (_address, { headers: { authorization }, body }) => {
        const init = { method: 'POST', ...writeBody(body, requestFormat, headersFor(headers, authorization)) }
        secrets.push(...secretsSentIn(url, init))
        return fetch(url, init)
      },
    },
  )
  const { answer, lifetimeSeconds, scopeSeparator } = endpoint
  return await readTokenAnswer(response, { answer, lifetimeSeconds, scopeSeparator, secrets })
}

/** A body in the endpoint's format, and the type that says so. */
export function writeBody(
  body: URLSearchParams,
  format: TokenEndpoint['requestFormat'],
  headers: Record<string, string>,
): { headers: Record<string, string>; body: string } {
  if (format !== 'json') return { headers: { ...headers, 'content-type': formType }, body: String(body) }
  const json = JSON.stringify(Object.fromEntries(body))
  return { headers: { ...headers, 'content-type': 'application/json' }, body: json }
}
