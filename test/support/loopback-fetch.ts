/** Token requests to servers on this machine, sent by the runtime's own fetch. */
import type { TokenFetch } from '../../src/auth/tokens/token-endpoint.ts'
import { GatewayError } from '../../src/errors.ts'

/** @throws {GatewayError} UPSTREAM_UNREACHABLE when there is no answer, as the gateway's own has it */
export const loopbackFetch: TokenFetch = async (url, { method, headers, body }) => {
  const { hostname } = new URL(url)
  if (hostname !== '127.0.0.1') throw new GatewayError('DESTINATION_NOT_ALLOWED', `${hostname} is not this machine.`)
  try {
    return await fetch(url, { method, headers, body: body ?? null, redirect: 'manual' })
  } catch (cause) {
    throw new GatewayError('UPSTREAM_UNREACHABLE', `${hostname} did not answer.`, { cause })
  }
}
