/** The way back to a connection that works: a page on which its end user connects again, where the integration has a way to. */
import { GatewayError } from '../errors.ts'
import type { ConnectionRow } from '../store/connections.ts'
import { methodsOf } from './connect-form.ts'
import type { Integration, Integrations } from './integrations.ts'

/** What a page is found by. */
type Place = Pick<ConnectionRow, 'workspaceId' | 'id'>

export class Reconnection {
  readonly #integrations: Pick<Integrations, 'clientOf'>
  readonly #connectUrl: ((place: Place) => string) | undefined

  constructor({
    integrations,
    connectUrl,
  }: {
    readonly integrations: Pick<Integrations, 'clientOf'>
    readonly connectUrl?: ((place: Place) => string) | undefined
  }) {
    this.#integrations = integrations
    this.#connectUrl = connectUrl
  }

  /**
   * The page for a connection whose credential no longer works, or is of a scheme that its integration no longer takes.
   * @param integration undefined when it is gone
   */
  urlFor(row: Place & Pick<ConnectionRow, 'status' | 'scheme'>, integration: Integration | undefined): string | null {
    if (row.status === 'NEEDS_REAUTH') return this.#connectUrl?.(row) ?? null
    if (row.status === 'DISABLED' || integration === undefined) return null
    const isTaken = integration.definition.auth.some(({ scheme }) => scheme === row.scheme)
    return isTaken ? null : (this.#urlAt(row, integration) ?? null)
  }

  /** Asks, and has a CONNECTION_NEEDS_REAUTH that comes of it say where the end user connects again. */
  offer<Result>(row: Place, integration: Integration, ask: () => Result | Promise<Result>): Result | Promise<Result> {
    const fail = (error: unknown) => {
      throw this.#withUrl(error, row, integration)
    }
    try {
      const asked = ask()
      return asked instanceof Promise ? asked.catch(fail) : asked
    } catch (error) {
      return fail(error)
    }
  }

  #withUrl(error: unknown, row: Place, integration: Integration): unknown {
    const isBare = error instanceof GatewayError && error.connectUrl === undefined
    if (!isBare || error.code !== 'CONNECTION_NEEDS_REAUTH') return error
    const connectUrl = this.#urlAt(row, integration)
    return connectUrl === undefined ? error : new GatewayError(error.code, error.message, { connectUrl, cause: error })
  }

  #urlAt(row: Place, integration: Integration): string | undefined {
    const hasWay = methodsOf(integration, this.#integrations.clientOf(integration) !== undefined).length > 0
    return hasWay ? this.#connectUrl?.(row) : undefined
  }
}
