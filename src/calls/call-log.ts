/** The call log as the process writes it: records off the hot path, sealed what only a replay or a key may read. */
import { setImmediate } from 'node:timers/promises'
import type { CallBodyStore } from '../store/call-bodies.ts'
import type { CallStore, NewCall } from '../store/calls.ts'
import { toUuid } from '../store/ids.ts'
import { type CallExchange, type PendingExchange, readExchange, writeExchange } from './exchange.ts'
import { CallRecorder } from './recorder.ts'

/** A call when it is over. */
export interface FinishedCall extends Omit<NewCall, 'sealedRequest'> {
  /** What a replay sends again, as JSON; null for what is never made again. */
  readonly request: string | null
  /** Null where the workspace keeps no bodies. */
  readonly exchange: PendingExchange | null
}

/** A call by its bare UUID. */
export interface CallPlace {
  readonly workspaceId: string
  readonly uuid: string
}

/** Seals at the place of a call, and opens there only. */
export interface CallSeal {
  seal(place: CallPlace, text: string): Buffer
  /** @throws when the encryption key is gone or the bytes are not what was sealed for this place */
  open(place: CallPlace, sealed: Buffer): string
}

export interface CallLogParts {
  readonly store: CallStore
  readonly bodies: CallBodyStore
  readonly requestSeal: CallSeal
  readonly exchangeSeal: CallSeal
  /** Told of each batch once it is written. */
  readonly onWritten: (calls: readonly FinishedCall[]) => Promise<void>
  /** As {@link CallRecorder} tells it. */
  readonly onFailure: (error: unknown, waiting: number) => void
  readonly onLoss: (lost: number) => void
  /** Told how many calls are recorded without what belongs to them, for want of memory. */
  readonly onBare: (calls: number) => void
}

/** A longer request is not replayed. */
const maxRequestLength = 4096
/** Of requests and exchanges that wait to be written. */
const maxHeldBytes = 64 * 1024 * 1024
const dayMs = 86_400_000

export class CallLog implements AsyncDisposable {
  readonly #parts: CallLogParts
  readonly #recorder: CallRecorder<FinishedCall>
  #heldBytes = 0
  /** Calls that lost what belongs to them since that was last told. */
  #bare = 0

  constructor(parts: CallLogParts) {
    this.#parts = parts
    this.#recorder = new CallRecorder({
      write: calls => this.#write(calls),
      onFailure: parts.onFailure,
      onLoss: lost => {
        this.#release(lost)
        parts.onLoss(lost.length)
      },
    })
  }

  /** Calls that are not in the store yet. */
  get waiting(): number {
    return this.#recorder.waiting
  }

  /** Does not wait. */
  record(call: FinishedCall): void {
    const bytes = sizeOf(call)
    const hasRoom = this.#heldBytes + bytes <= maxHeldBytes
    if (hasRoom) this.#heldBytes += bytes
    else this.#bare += 1
    this.#recorder.record(hasRoom ? call : { ...call, request: null, exchange: null })
  }

  /** Resolves when every call recorded so far is in the store, or a write has failed. */
  flush(): Promise<void> {
    return this.#recorder.flush()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#recorder[Symbol.asyncDispose]()
  }

  /** What a replay of the call sends; undefined when there is no such call, it is never made again, or its key is gone. */
  async requestOf(workspaceId: string, id: string): Promise<string | undefined> {
    const sealed = await this.#parts.store.getSealedRequest(workspaceId, id)
    return sealed && openOrNone(this.#parts.requestSeal, { workspaceId, uuid: toUuid('call', id) }, sealed)
  }

  /** What was kept of the call's bodies; undefined when nothing was, it has expired, or its key is gone. */
  async exchangeOf(
    workspaceId: string,
    id: string,
  ): Promise<{ readonly exchange: CallExchange; readonly expiresAt: Date } | undefined> {
    const body = await this.#parts.bodies.get(workspaceId, id)
    if (body === undefined) return undefined
    const text = openOrNone(this.#parts.exchangeSeal, { workspaceId, uuid: toUuid('call', id) }, body.sealed)
    return text === undefined ? undefined : { exchange: readExchange(text), expiresAt: body.expiresAt }
  }

  async #write(calls: readonly FinishedCall[]): Promise<void> {
    const { store, requestSeal, onWritten } = this.#parts
    await store.insertMany(
      calls.map(({ exchange: _, request, ...call }) => ({
        ...call,
        sealedRequest: request === null || request.length > maxRequestLength ? null : requestSeal.seal(call, request),
      })),
    )
    for (const call of calls) if (call.exchange !== null) await this.#keep(call, call.exchange)
    await onWritten(calls)
    this.#release(calls)
    if (this.#bare > 0) this.#parts.onBare(this.#bare)
    this.#bare = 0
  }

  async #keep({ workspaceId, uuid, startedAt }: FinishedCall, exchange: PendingExchange): Promise<void> {
    const text = await exchange.finish().then(writeExchange, () => undefined)
    // What cannot be redacted is not kept, and the calls behind it are not held up.
    if (text === undefined) {
      this.#bare += 1
      return
    }
    const sealed = this.#parts.exchangeSeal.seal({ workspaceId, uuid }, text)
    const expiresAt = new Date(startedAt.getTime() + exchange.retentionDays * dayMs)
    await this.#parts.bodies.insert({ workspaceId, uuid, sealed, expiresAt })
    // Large ones take a while, and calls are under way.
    await setImmediate()
  }

  #release(calls: readonly FinishedCall[]): void {
    for (const call of calls) this.#heldBytes -= sizeOf(call)
  }
}

function sizeOf({ request, exchange }: FinishedCall): number {
  return (request?.length ?? 0) + (exchange?.sizeBytes ?? 0)
}

function openOrNone(seal: CallSeal, place: CallPlace, sealed: Buffer): string | undefined {
  try {
    return seal.open(place, sealed)
  } catch {
    // Under a key that was taken out of the ring since: what is kept for a while only is not carried over to another.
    return undefined
  }
}
