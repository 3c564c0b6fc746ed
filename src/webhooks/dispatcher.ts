/** Sends what is due to the webhook endpoints of all workspaces: at least once, a slow or dead one beside the others. */
import { setImmediate } from 'node:timers/promises'
import { GatewayError } from '../errors.ts'
import type { LeasedDelivery, WebhookQueue } from '../store/webhook-queue.ts'
import { type LaneLimits, Lanes, type Share } from './lanes.ts'
import type { WebhookPost } from './post.ts'
import { maxFailingMs, retryDelayMs, type WebhookAnswer } from './schedule.ts'
import { readSecrets, signatureHeaders } from './signature.ts'

/** Names an endpoint. */
export interface EndpointPlace {
  readonly workspaceId: string
  readonly id: string
}

export interface DispatcherOptions {
  readonly queue: WebhookQueue
  readonly post: WebhookPost
  /** The signing secrets of an endpoint. @throws when they cannot be opened */
  readonly open: (place: EndpointPlace, sealed: Buffer) => string
  readonly onDisabled: (place: EndpointPlace, reason: string) => void
  /** Told of each attempt that was made. */
  readonly onAttempt?: (isDelivered: boolean) => void
  /** Told of what went wrong here; it is tried again. */
  readonly onFailure: (error: unknown) => void
  readonly limits?: Partial<LaneLimits>
  /** How often to look although nothing was heard, in milliseconds. */
  readonly everyMs?: number
  /** How long a delivery is held for a process that says nothing more, in milliseconds; several attempts' time. */
  readonly leaseMs?: number
  readonly random?: () => number
  /** Milliseconds that only go up. */
  readonly now?: () => number
}

/** What came of an attempt. */
interface Outcome {
  readonly status: number | null
  /** Null for a delivery that arrived. */
  readonly error: string | null
  readonly answer?: WebhookAnswer | undefined
}

const standardLimits: LaneLimits = { parallel: 64, perEndpoint: 4, perWorkspace: 24 }
const drainMs = 5_000
const sliceSize = 500

export class WebhookDispatcher implements AsyncDisposable {
  readonly #options: Required<Omit<DispatcherOptions, 'limits'>>
  readonly #lanes: Lanes
  readonly #timer: NodeJS.Timeout
  readonly #sending = new Set<Promise<void>>()
  #filling: Promise<void> | undefined
  #isWanted = false
  #isOver = false

  constructor({ limits, ...options }: DispatcherOptions) {
    const standard = { everyMs: 2_000, leaseMs: 60_000, random: Math.random, now: () => performance.now() }
    this.#options = { onAttempt: () => {}, ...standard, ...options }
    this.#lanes = new Lanes({ ...standardLimits, ...limits }, this.#options.now)
    this.#timer = setInterval(() => this.wake(), this.#options.everyMs).unref()
  }

  /** Something may be due; for an endpoint that somebody waits for, at once even if it failed a moment ago. */
  wake(endpointId?: string): void {
    if (endpointId !== undefined) this.#lanes.hurry(endpointId)
    this.#isWanted = true
    if (this.#isOver) return
    this.#filling ??= this.#fill()
  }

  /** Sends all that is due, and what becomes due meanwhile; resolves when nothing is under way. */
  async run(): Promise<void> {
    do {
      this.wake()
      await this.#filling
      await Promise.all(this.#sending)
    } while (this.#filling !== undefined || this.#sending.size > 0)
  }

  /** What is not sent by then comes again when its lease is over. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    clearInterval(this.#timer)
    const { promise: isTime, resolve } = Promise.withResolvers<void>()
    const timer = setTimeout(resolve, drainMs)
    await Promise.race([isTime, Promise.all([this.#filling, ...this.#sending])])
    clearTimeout(timer)
  }

  /** Takes what there is room for, until there is nothing more or no more room: what ends makes room and wakes it again. */
  async #fill(): Promise<void> {
    try {
      while (this.#isWanted && !this.#isOver) {
        this.#isWanted = false
        const taken = (await this.#take(this.#lanes.healthyShare())) + (await this.#take(this.#lanes.probingShare()))
        if (taken > 0) this.#isWanted = true
      }
    } catch (error) {
      this.#report(error)
    } finally {
      // Here and not later: who wakes it after the last look must not be taken for heard.
      this.#filling = undefined
    }
  }

  async #take(share: Share): Promise<number> {
    if (share.limit <= 0) return 0
    const leased = await this.#options.queue.lease({ ...share, leaseMs: this.#options.leaseMs })
    for (const delivery of leased) {
      const sending: Promise<void> = this.#send(delivery).finally(() => {
        this.#sending.delete(sending)
        this.wake()
      })
      this.#sending.add(sending)
    }
    return leased.length
  }

  async #send(delivery: LeasedDelivery): Promise<void> {
    const end = this.#lanes.begin(delivery)
    let hasFailed = true
    try {
      const outcome = await this.#attempt(delivery)
      hasFailed = outcome.error !== null
      this.#options.onAttempt(!hasFailed)
      await this.#note(delivery, outcome)
    } catch (error) {
      this.#report(error)
    } finally {
      end(hasFailed)
    }
  }

  async #attempt(delivery: LeasedDelivery): Promise<Outcome> {
    const { workspaceId, endpointId, eventId, payload, url, sealedSecret } = delivery
    try {
      const secrets = readSecrets(this.#options.open({ workspaceId, id: endpointId }, sealedSecret))
      const headers = {
        'content-type': 'application/json',
        'user-agent': 'Passgate-Webhooks',
        ...signatureHeaders({ id: eventId, body: payload }, secrets, new Date()),
      }
      const answer = await this.#options.post(url, headers, payload)
      const { status } = answer
      const isDelivered = status >= 200 && status < 300
      return { status, error: isDelivered ? null : `The endpoint answered ${status}.`, answer }
    } catch (error) {
      if (error instanceof GatewayError) return { status: null, error: `${error.code}: ${error.message}` }
      this.#report(error)
      return { status: null, error: 'The gateway could not send it.' }
    }
  }

  async #note(delivery: LeasedDelivery, { status, error, answer }: Outcome): Promise<void> {
    const { queue, random } = this.#options
    if (error === null) return await queue.succeed(delivery, status ?? 0)
    const isGone = status === 410
    const retryInMs = isGone ? null : retryDelayMs(delivery.attempts, random(), answer)
    const failingMs = await queue.fail(delivery, { status, error, retryInMs })
    if (isGone) await this.#disable(delivery, 'The endpoint answered 410 Gone.')
    // One failure after a quiet week says little: its second attempt does.
    else if (failingMs > maxFailingMs && delivery.attempts > 1) {
      await this.#disable(delivery, 'Nothing could be delivered for five days.')
    }
  }

  async #disable({ workspaceId, endpointId }: LeasedDelivery, reason: string): Promise<void> {
    const { queue, onDisabled } = this.#options
    if (!(await queue.disable({ workspaceId, endpointId }, reason))) return
    onDisabled({ workspaceId, id: endpointId }, reason)
    // The embedded store answers at once: without a pause nobody else would have a turn before the last slice.
    while ((await queue.giveUpDisabled(sliceSize)) === sliceSize) await setImmediate()
  }

  /** Once it is over the store may be closed already. */
  #report(error: unknown): void {
    if (!this.#isOver) this.#options.onFailure(error)
  }
}
