/** Which way to prove a client worked last at a server, so that one that wants the other way is not asked twice each time. */
import type { ClientProof } from './client-authentication.ts'

export type ClientProofs = readonly [ClientProof, ...ClientProof[]]

const maxRemembered = 10_000

/** Of this process. A server may want it differently of each client (RFC 7591 §2), so each is remembered apart. */
export class ProofMemory {
  readonly #worked = new Map<string, ClientProof>()

  /** The proofs to try, what worked last in front. */
  sort(url: string, clientId: string | undefined, proofs: ClientProofs): ClientProofs {
    const known = this.#worked.get(keyOf(url, clientId))
    if (known === undefined || !proofs.includes(known)) return proofs
    return [known, ...proofs.filter(proof => proof !== known)]
  }

  /** To be told of a request that the server answered as it should. */
  note(url: string, clientId: string | undefined, proof: ClientProof): void {
    const key = keyOf(url, clientId)
    if (this.#worked.get(key) === proof) return
    if (this.#worked.size >= maxRemembered) this.#worked.clear()
    this.#worked.set(key, proof)
  }
}

/** Token and revocation endpoints of one server know the client alike. */
function keyOf(url: string, clientId = ''): string {
  return `${new URL(url).origin} ${clientId}`
}
