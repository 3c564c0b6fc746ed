/** How much is under way to each endpoint, and which of them fail: those are probed, and do not hold up the others. */
import type { Among, LeasedDelivery } from '../store/webhook-queue.ts'

export interface LaneLimits {
  /** In all, a part of which failing endpoints may have. */
  readonly parallel: number
  readonly perEndpoint: number
  readonly perWorkspace: number
}

/** What may be taken from the queue now. */
export interface Share extends Omit<LaneLimits, 'parallel'> {
  readonly limit: number
  readonly among: Among
}

interface Lane {
  underWay: number
  /** Since the last success. */
  failures: number
  /** Nothing is sent before, in milliseconds of the clock. */
  coolUntil: number
}

const maxCoolMs = 60_000
const maxLanes = 10_000
const maxProbes = 200

export class Lanes {
  readonly #limits: LaneLimits
  readonly #now: () => number
  readonly #endpoints = new Map<string, Lane>()
  readonly #workspaces = new Map<string, number>()
  #underWay = 0
  #probing = 0

  constructor(limits: LaneLimits, now: () => number) {
    this.#limits = limits
    this.#now = now
  }

  /** Endpoints of which nothing bad is known. */
  healthyShare(): Share {
    const { parallel, perEndpoint, perWorkspace } = this.#limits
    const butEndpoints = this.#idsOf(lane => lane.failures > 0 || lane.underWay >= perEndpoint)
    const full = this.#workspaces.entries().filter(([, underWay]) => underWay >= perWorkspace)
    const among = { butEndpoints, butWorkspaces: [...full.map(([id]) => id)] }
    return { limit: parallel - this.#underWay, perEndpoint, perWorkspace, among }
  }

  /** Endpoints that failed and have had time to recover: one delivery each tells whether they did. */
  probingShare(): Share {
    const { parallel, perWorkspace } = this.#limits
    const now = this.#now()
    const ready = this.#idsOf(lane => lane.failures > 0 && lane.underWay === 0 && lane.coolUntil <= now)
    const limit = Math.min(parallel - this.#underWay, Math.floor(parallel / 2) - this.#probing)
    const among = { onlyEndpoints: ready.slice(0, maxProbes) }
    return { limit: ready.length === 0 ? 0 : limit, perEndpoint: 1, perWorkspace, among }
  }

  /** Probed next, without more time to recover. */
  hurry(endpointId: string): void {
    const lane = this.#endpoints.get(endpointId)
    if (lane !== undefined) lane.coolUntil = 0
  }

  /** @returns what is to be called with its outcome */
  begin({ workspaceId, endpointId }: LeasedDelivery): (hasFailed: boolean) => void {
    const lane = this.#laneOf(endpointId)
    const isProbe = lane.failures > 0
    lane.underWay += 1
    this.#count(workspaceId, 1)
    this.#underWay += 1
    if (isProbe) this.#probing += 1
    return hasFailed => {
      lane.underWay -= 1
      this.#count(workspaceId, -1)
      this.#underWay -= 1
      if (isProbe) this.#probing -= 1
      lane.failures = hasFailed ? lane.failures + 1 : 0
      lane.coolUntil = hasFailed ? this.#now() + Math.min(maxCoolMs, 1000 * 2 ** (lane.failures - 1)) : 0
      // Asked of last comes last, so that probes go round.
      this.#endpoints.delete(endpointId)
      if (lane.underWay > 0 || lane.failures > 0) this.#endpoints.set(endpointId, lane)
    }
  }

  #laneOf(endpointId: string): Lane {
    const known = this.#endpoints.get(endpointId)
    if (known !== undefined) return known
    if (this.#endpoints.size >= maxLanes) this.#dropIdle()
    const lane = { underWay: 0, failures: 0, coolUntil: 0 }
    this.#endpoints.set(endpointId, lane)
    return lane
  }

  /** Their failures are forgotten: they count as healthy until the next one. */
  #dropIdle(): void {
    for (const [id, { underWay }] of this.#endpoints) if (underWay === 0) this.#endpoints.delete(id)
  }

  #count(workspaceId: string, change: 1 | -1): void {
    const underWay = (this.#workspaces.get(workspaceId) ?? 0) + change
    if (underWay === 0) this.#workspaces.delete(workspaceId)
    else this.#workspaces.set(workspaceId, underWay)
  }

  #idsOf(isMeant: (lane: Lane) => boolean): string[] {
    return [...this.#endpoints.entries().flatMap(([id, lane]) => (isMeant(lane) ? [id] : []))]
  }
}
