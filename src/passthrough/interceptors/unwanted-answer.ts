/** Reads what is left of an answer that nobody wants, so that its connection can be used again; a long or slow rest is cut off. */
import type { Dispatcher } from 'undici'

const drainedBytes = 64 * 1024
const drainedMs = 250

/** One answer from the moment at which another request takes its place. Whoever has it is told of its end by the handler. */
export class UnwantedAnswer {
  readonly #controller: Dispatcher.DispatchController
  readonly #patience: NodeJS.Timeout
  #drained = 0

  constructor(controller: Dispatcher.DispatchController) {
    this.#controller = controller
    this.#patience = setTimeout(() => this.#cutOff('slow'), drainedMs)
  }

  /** Takes what still comes of it. */
  take(chunk: Buffer): void {
    this.#drained += chunk.length
    if (this.#drained > drainedBytes) this.#cutOff('long')
  }

  /** It is over, by itself or because it was cut off. */
  end(): void {
    clearTimeout(this.#patience)
  }

  /** undici reports the end to the handler before this returns. */
  #cutOff(how: string): void {
    this.#controller.abort(new Error(`an answer that is not wanted was too ${how}`))
  }
}
