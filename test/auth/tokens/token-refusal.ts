/** Waits for what should give no token and hands over why, so that a test can look at kind, code and message. */
import { TokenError } from '../../../src/auth/tokens/token-endpoint.ts'

export async function tokenRefusal(asked: Promise<unknown>): Promise<TokenError> {
  try {
    await asked
  } catch (error) {
    if (error instanceof TokenError) return error
    throw error
  }
  throw new Error('a token was given')
}
