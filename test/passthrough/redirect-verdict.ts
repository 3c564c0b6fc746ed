/** How a read ends that may be redirected, in one line, and the credential that it carries. */
import { CallFailure } from '../../src/passthrough/passthrough.ts'
import type { Core } from '../support/passthrough-core.ts'

export const secret = 'Bearer the-vendors-own-token'

export const passes = '302 after 1'
export const refused = 'DESTINATION_NOT_ALLOWED after 1'

/** A read as GraphQL sends it. @returns the status of its result or the code of its refusal, and after how many requests */
export async function readThrough(
  core: Core,
  path: string,
  hosts: readonly string[],
  method: 'GET' | 'HEAD' | 'OPTIONS' = 'GET',
): Promise<string> {
  const inject = () => ({ headers: { authorization: secret }, query: {}, body: {} })
  try {
    const { response, outcome } = await core.send({ mode: 'READ', method, path }, { inject }, { hosts })
    return `${response.status} after ${outcome.attempts}`
  } catch (error) {
    if (error instanceof CallFailure) return `${error.error.code} after ${error.outcome.attempts}`
    throw error
  }
}
