/** Where a request comes from, when proxies that the operator trusts stand between. */
import type { IncomingMessage } from 'node:http'
import { type AddressList, parseAddress } from '../hosts.ts'

/** The address of who sent the request; undefined once their connection is gone. */
export type ReadAddress = (request: Pick<IncomingMessage, 'headers' | 'socket'>) => string | undefined

/**
 * Each proxy adds who called it at the end of `x-forwarded-for`: read from there, the first that is no trusted proxy is
 * the client. What stands before was written by the client itself.
 */
export function createAddressReader(trustedProxies: AddressList): ReadAddress {
  return ({ headers, socket }) => {
    let address = socket.remoteAddress
    if (address === undefined || !trustedProxies.contains(address)) return address
    const hops = [headers['x-forwarded-for'] ?? []].flat().join(',').split(',')
    while (address !== undefined && trustedProxies.contains(address)) {
      const hop = hops.pop()?.trim() ?? ''
      if (parseAddress(hop) === undefined) return address
      address = hop
    }
    return address
  }
}
