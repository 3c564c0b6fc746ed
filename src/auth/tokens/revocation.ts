/** Token revocation (RFC 7009). */
import * as oauth from 'oauth4webapi'
import { readAnswerText } from './answer-text.ts'
import { type ClientProof, prove } from './client-authentication.ts'
import type { ProofMemory } from './proof-memory.ts'
import { secretsSentIn } from './sent-secrets.ts'
import { explainAnswer, parseAnswer } from './token-answer.ts'
import type { ClientAuthentication, OAuthClientFacts, TokenFetch } from './token-endpoint.ts'
import { formType, headersFor, tryProofs } from './token-request.ts'

/**
 * A token that the server does not know counts as revoked (§2.2).
 * @throws {TokenError} when the server does not do it
 */
export async function revokeToken(
  revocationUrl: string,
  client: OAuthClientFacts | undefined,
  token: string,
  hint: 'access_token' | 'refresh_token',
  clientAuthentication: ClientAuthentication | undefined,
  fetch: TokenFetch,
  proofs?: ProofMemory,
): Promise<void> {
  const place = { url: revocationUrl, client, clientAuthentication, proofs }
  await tryProofs(place, proof => sendRevocation(revocationUrl, client, { token, hint }, proof, fetch))
}

async function sendRevocation(
  url: string,
  client: OAuthClientFacts | undefined,
  { token, hint }: { readonly token: string; readonly hint: string },
  proof: ClientProof,
  fetch: TokenFetch,
): Promise<void> {
  const secrets: string[] = []
  const response = await oauth.revocationRequest(
    { issuer: url, revocation_endpoint: url },
    { client_id: client?.clientId ?? 'none' },
    await prove(client, proof),
    token,
    {
      additionalParameters: { token_type_hint: hint },
      [oauth.allowInsecureRequests]: true,
      [oauth.customFetch]: (_address, { headers: { authorization }, body }) => {
        const headers = headersFor({
          'content-type': formType,
          ...(authorization === undefined ? {} : { authorization }),
        })
        const init = { method: 'POST', headers, body: String(body) }
        secrets.push(...secretsSentIn(url, init))
        return fetch(url, init)
      },
    },
  )
  if (response.ok) return
  const error = explainAnswer(
    response,
    parseAnswer(await readAnswerText(response)),
    { secrets },
    'revocation endpoint',
    'without saying why',
  )
  // Google says so of a token that is over already, where §2.2 has it answer 200.
  if (error.error !== 'invalid_token') throw error
}
