/** How long calls are kept: days are made ahead and dropped whole, and what a workspace keeps shorter goes in slices. */
import { setTimeout } from 'node:timers/promises'
import type { CallBodyStore } from '../store/call-bodies.ts'
import type { CallPartitionStore } from '../store/call-partitions.ts'
import {
  type CallCutoff,
  type CallRetentionStore,
  cutoffBefore,
  standardRetention,
  type WorkspaceRetention,
} from '../store/call-retention.ts'

export interface CallRetentionParts {
  readonly partitions: CallPartitionStore
  readonly retention: CallRetentionStore
  readonly bodies: CallBodyStore
  /** Milliseconds of the epoch. */
  readonly now?: () => number
}

const dayMs = 86_400_000
/** Today and the next: a gateway whose upkeep stands still for so long does not need them yet. */
const daysAhead = 3
/** The sums of whole integrations are small. */
const hourSumDays = 400
const sliceSize = 1000
/** A body may have a megabyte. */
const bodySliceSize = 100
const sliceEveryMs = 20
const sweepEveryMs = 600_000
const workspacesAtOnce = 50

export class CallRetention {
  readonly #parts: CallRetentionParts
  readonly #now: () => number
  #sweep: AsyncGenerator<void> | undefined
  #nextSweepMs = Number.NEGATIVE_INFINITY

  constructor(parts: CallRetentionParts) {
    this.#parts = parts
    this.#now = parts.now ?? Date.now
  }

  /** Makes the partitions of the days to come. @returns how many were missing */
  makeDays(): Promise<number> {
    return this.#parts.partitions.ensure(new Date(this.#now()), daysAhead)
  }

  /** Drops one day that no workspace keeps any more. @returns false when there is none */
  async dropDay(): Promise<boolean> {
    const maxDays = await this.#parts.retention.maxDays()
    return await this.#parts.partitions.dropOldest(this.#daysAgo(maxDays))
  }

  /** Deletes one slice of what a workspace keeps no more. @returns false when all of them are done for a while */
  async deleteSlice(): Promise<boolean> {
    if (this.#sweep === undefined && this.#now() < this.#nextSweepMs) return false
    this.#sweep ??= this.#sweepAll()
    const { done } = await this.#sweep.next()
    if (done === true) {
      this.#sweep = undefined
      this.#nextSweepMs = this.#now() + sweepEveryMs
      return false
    }
    return true
  }

  /** Of all workspaces. @returns how many there were, `limit` at most */
  deleteExpiredBodies(limit: number): Promise<number> {
    return this.#parts.bodies.deleteExpired(limit)
  }

  async *#sweepAll(): AsyncGenerator<void> {
    let after: string | undefined
    for (;;) {
      const workspaces = await this.#parts.retention.listRetentions(after, workspacesAtOnce)
      for (const workspace of workspaces) yield* this.#sweepOne(workspace)
      after = workspaces.at(-1)?.workspaceId
      if (workspaces.length < workspacesAtOnce) return
    }
  }

  /** Whoever records or reads meanwhile has a turn between two slices. */
  async *#sweepOne({ workspaceId, retention }: WorkspaceRetention): AsyncGenerator<void> {
    const store = this.#parts.retention
    const { days, maxCalls } = retention ?? standardRetention
    const oldest = this.#daysAgo(days)
    const surplus = maxCalls === null ? undefined : await store.findSurplus(workspaceId, maxCalls, oldest)
    const cutoff: CallCutoff = surplus ?? cutoffBefore(oldest)
    const slices = [
      () => store.deleteCalls(workspaceId, cutoff, sliceSize),
      () => store.deleteBodies(workspaceId, cutoff.startedAt, bodySliceSize),
      () => store.deleteHours(workspaceId, { calls: this.#daysAgo(hourSumDays), connections: oldest }, sliceSize),
    ]
    for (const deleteSlice of slices) {
      while ((await deleteSlice()) > 0) {
        yield
        await setTimeout(sliceEveryMs)
      }
    }
    yield
  }

  #daysAgo(days: number): Date {
    return new Date(this.#now() - days * dayMs)
  }
}
