/** OAuth 1.0a: each request is signed with the token of the end user and the client of the workspace. */
import { GatewayError } from '../errors.ts'
import { expectScheme } from './expect-scheme.ts'
import { createOAuth1Signer } from './oauth1-signature.ts'
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
    const sign = createOAuth1Signer({
      consumerKey,
      consumerSecret,
      token,
      tokenSecret,
      signatureMethod,
      ...(privateKey === undefined ? {} : { privateKey }),
      ...(realm === undefined ? {} : { realm: renderTemplate(realm, config) }),
    })
    return { ...emptyInjection, sign }
  }
}
