/** Who listens to a stream, by workspace: so many at once, and no more. */
import { GatewayError } from '../errors.ts'
import { EventSubscription, type SubscriptionOptions } from './event-subscription.ts'

const maxListeners = 2000
const maxListenersOfWorkspace = 200

export class Listeners<Event extends { readonly id: string }> {
  readonly #byWorkspace = new Map<string, Set<EventSubscription<Event>>>()

  get size(): number {
    return this.#byWorkspace.values().reduce((sum, { size }) => sum + size, 0)
  }

  /** Those in which somebody listens. */
  get workspaceIds(): string[] {
    return [...this.#byWorkspace.keys()]
  }

  has(workspaceId: string): boolean {
    return this.#byWorkspace.has(workspaceId)
  }

  /** As it is now: who leaves meanwhile is still in it. */
  of(workspaceId: string): readonly EventSubscription<Event>[] {
    return [...(this.#byWorkspace.get(workspaceId) ?? [])]
  }

  all(): readonly EventSubscription<Event>[] {
    return this.workspaceIds.flatMap(id => this.of(id))
  }

  /** @throws {GatewayError} OVERLOADED when too many listen */
  add(workspaceId: string, options: Omit<SubscriptionOptions<Event>, 'onEnd'>): EventSubscription<Event> {
    const listeners = this.#byWorkspace.get(workspaceId) ?? new Set()
    if (this.size >= maxListeners || listeners.size >= maxListenersOfWorkspace) {
      const message = `Too many streams of events are open; a workspace may have ${maxListenersOfWorkspace}.`
      throw new GatewayError('OVERLOADED', message)
    }
    this.#byWorkspace.set(workspaceId, listeners)
    const subscription: EventSubscription<Event> = new EventSubscription({
      ...options,
      onEnd: () => {
        listeners.delete(subscription)
        if (listeners.size === 0) this.#byWorkspace.delete(workspaceId)
      },
    })
    listeners.add(subscription)
    return subscription
  }
}
