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
  /** Milliseconds of the epoch; the database's own unless given: a gateway whose clock is wrong must not delete anything. */
  readonly now?: () => Promise<number>
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
  readonly #now: () => Promise<number>
  #sweep: AsyncGenerator<void> | undefined
  #nextSweepMs = Number.NEGATIVE_INFINITY

  constructor(parts: CallRetentionParts) {
    this.#parts = parts
    this.#now = parts.now ?? (() => parts.retention.readClock())
  }

  /** Makes the partitions of the days to come. @returns how many were missing */
  async makeDays(): Promise<number> {
    return await this.#parts.partitions.ensure(new Date(await this.#now()), daysAhead)
  }

  /** Drops one day that no workspace keeps any more. @returns false when there is none */
  async dropDay(): Promise<boolean> {
    const maxDays = await this.#parts.retention.maxDays()
    return await this.#parts.partitions.dropOldest(daysBefore(await this.#now(), maxDays))
  }

  /** Deletes one slice of what a workspace keeps no more. @returns false when all of them are done for a while */
  async deleteSlice(): Promise<boolean> {
    const nowMs = await this.#now()
    if (this.#sweep === undefined && nowMs < this.#nextSweepMs) return false
    this.#sweep ??= this.#sweepAll(nowMs)
    const { done } = await this.#sweep.next()
    if (done !== true) return true
    this.#sweep = undefined
    this.#nextSweepMs = nowMs + sweepEveryMs
    return false
  }

  /** Of all workspaces. @returns how many there were, `limit` at most */
  deleteExpiredBodies(limit: number): Promise<number> {
    return this.#parts.bodies.deleteExpired(limit)
  }

  async *#sweepAll(nowMs: number): AsyncGenerator<void> {
    let after: string | undefined
    for (;;) {
      const workspaces = await this.#parts.retention.listRetentions(after, workspacesAtOnce)
      for (const workspace of workspaces) yield* this.#sweepOne(workspace, nowMs)
      after = workspaces.at(-1)?.workspaceId
      if (workspaces.length < workspacesAtOnce) return
    }
  }

  /** Whoever records or reads meanwhile has a turn between two slices. */
  async *#sweepOne({ workspaceId, retention }: WorkspaceRetention, nowMs: number): AsyncGenerator<void> {
    const store = this.#parts.retention
    const { days, maxCalls } = retention ?? standardRetention
    const oldest = daysBefore(nowMs, days)
    const surplus = maxCalls === null ? undefined : await store.findSurplus(workspaceId, maxCalls, oldest)
    const cutoff: CallCutoff = surplus ?? cutoffBefore(oldest)
    const slices = [
      () => store.deleteCalls(workspaceId, cutoff, sliceSize),
      () => store.deleteBodies(workspaceId, cutoff.startedAt, bodySliceSize),
      () => store.deleteHours(workspaceId, { calls: daysBefore(nowMs, hourSumDays), connections: oldest }, sliceSize),
    ]
    for (const deleteSlice of slices) {
      while ((await deleteSlice()) > 0) {
        yield
        await setTimeout(sliceEveryMs)
      }
    }
    yield
  }
}

function daysBefore(timeMs: number, days: number): Date {
  return new Date(timeMs - days * dayMs)
}
