/** Many secrets of one kind that live shortly: a data key serves a workspace for a while, so that each costs one encryption. */
import { bindingText } from './bindings.ts'
import { envelopeKeyId, openFromSeries, type SeriesKey, sealInSeries, startSeries } from './envelope.ts'
import type { KeyRing } from './key-ring.ts'

interface OpenSeries {
  readonly key: SeriesKey
  readonly startedAt: number
  sealed: number
}

const maxLifeMs = 3_600_000
/** Nonces are random: NIST SP 800-38D §8.3 allows 2^32 under one key. */
const maxSealed = 1_000_000
const maxWorkspaces = 1000

export class SecretSeries {
  readonly #ring: KeyRing
  readonly #kind: string
  readonly #byWorkspace = new Map<string, OpenSeries>()

  constructor(ring: KeyRing, kind: string) {
    this.#ring = ring
    this.#kind = kind
  }

  /** @param id tells the secret apart within its workspace and kind */
  seal(workspaceId: string, id: string, secret: string): Buffer {
    const series = this.#seriesOf(workspaceId)
    series.sealed += 1
    return sealInSeries(series.key, this.#bindingOf(workspaceId, id), Buffer.from(secret))
  }

  /** @throws Error when the key is not in the ring, a bit differs, or it was sealed for another place */
  open(workspaceId: string, id: string, envelope: Buffer): string {
    const key = this.#ring.get(envelopeKeyId(envelope) ?? '')
    if (key === undefined) throw new Error('the secret is sealed under an encryption key that is not in the key ring')
    const seriesBinding = this.#bindingOf(workspaceId, '')
    return openFromSeries(key, seriesBinding, this.#bindingOf(workspaceId, id), envelope).toString()
  }

  #seriesOf(workspaceId: string): OpenSeries {
    const known = this.#byWorkspace.get(workspaceId)
    const now = performance.now()
    if (known !== undefined && known.sealed < maxSealed && now - known.startedAt < maxLifeMs) return known
    const [oldest = ''] = this.#byWorkspace.size >= maxWorkspaces ? this.#byWorkspace.keys() : []
    this.#byWorkspace.delete(oldest)
    this.#byWorkspace.delete(workspaceId)
    const key = startSeries(this.#ring.primary, this.#bindingOf(workspaceId, ''))
    const series = { key, startedAt: now, sealed: 0 }
    this.#byWorkspace.set(workspaceId, series)
    return series
  }

  #bindingOf(workspaceId: string, id: string): string {
    return bindingText({ workspaceId, kind: this.#kind, id })
  }
}
