/** OAuth 1.0a: each request is signed with the token of the end user and the client of the workspace. */
import { GatewayError, invalidInput } from '../errors.ts'
import { expectScheme } from './expect-scheme.ts'
import { createOAuth1Signer, type OAuth1Options } from './oauth1-signature.ts'
import type { RequestSigner } from './request-signer.ts'
import type { EntryOf } from './scheme.ts'
import { type AuthStrategy, emptyInjection } from './strategy.ts'
import { parseTemplate, renderTemplate } from './template.ts'

/** @throws {GatewayError} INTEGRATION_NOT_CONFIGURED when neither the credential nor the workspace has a client */
export function createOAuth1(entry: EntryOf<'oauth1'>): AuthStrategy {
  const realm = entry.realm === undefined ? undefined : parseTemplate(entry.realm)
  return (credential, { client, config }) => {
    expectScheme(credential, 'oauth1')
    const consumerKey = credential.consumerKey ?? client?.clientId
    if (consumerKey === undefined) {
      const message =
        'Requests are signed with a client (consumer key) at this vendor; set it with configureIntegration.'
      throw new GatewayError('INTEGRATION_NOT_CONFIGURED', message)
    }
    const consumerSecret =
      (credential.consumerKey === undefined ? client?.clientSecret : credential.consumerSecret) ?? ''
    const { token, tokenSecret, privateKey } = credential
    const { signatureMethod = 'HMAC-SHA1' } = entry
    const options = {
      ...secretsFor(signatureMethod, consumerSecret, privateKey),
      consumerKey,
      token,
      tokenSecret,
      signatureMethod,
      ...(realm === undefined ? {} : { realm: renderTemplate(realm, config) }),
    }
    return { ...emptyInjection, sign: createSigner(options) }
  }
}

/**
 * What a client signs with: with RSA-SHA1 its private key takes the place of its secret (RFC 5849 §3.4.3), and stands where
 * the workspace keeps that.
 */
export function secretsFor(
  signatureMethod: OAuth1Options['signatureMethod'],
  consumerSecret: string,
  privateKey?: string | undefined,
): Pick<OAuth1Options, 'consumerSecret' | 'privateKey'> {
  if (signatureMethod !== 'RSA-SHA1') return { consumerSecret }
  return { consumerSecret: '', privateKey: privateKey ?? (consumerSecret === '' ? undefined : consumerSecret) }
}

/** Whether a form has to be whole before it can be signed (RFC 5849 §3.4.1.3.1); PLAINTEXT signs nothing. */
export function coversForms({ signatureMethod }: EntryOf<'oauth1'>): boolean {
  return signatureMethod !== 'PLAINTEXT'
}

/** A key that cannot sign is refused by the name that callers know it by. */
function createSigner(options: OAuth1Options): RequestSigner {
  try {
    return createOAuth1Signer(options)
  } catch (error) {
    const isKey = error instanceof GatewayError && error.details?.[0]?.field === 'credential'
    if (!isKey) throw error
    throw invalidInput('credential.oauth1.privateKey', error.message)
  }
}
