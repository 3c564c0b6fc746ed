/** The guard every strategy begins with: the credential is of the strategy's own scheme. */
import type { Credential } from './credential.ts'

/** @throws {TypeError} on a credential of another scheme; naming the schemes only */
export function expectScheme<Name extends Credential['scheme']>(
  credential: Credential,
  scheme: Name,
): asserts credential is Extract<Credential, { scheme: Name }> {
  if (credential.scheme !== scheme) {
    throw new TypeError(`The strategy is for ${scheme} credentials, this one is ${credential.scheme}.`)
  }
}
