/** The connection pools: one for everybody, and one for each client certificate, so that nobody rides on another's. */
import { createHash } from 'node:crypto'
import { Agent, Dispatcher } from 'undici'
import type { ClientCertificate } from '../auth/client-certificate.ts'
import { type ConnectorOptions, createGuardedConnector } from './egress.ts'

/** Set by whoever proves the request. */
export interface CertifiedOptions extends Dispatcher.DispatchOptions {
  readonly certificate?: ClientCertificate | undefined
}

const maxCertificates = 200

export class Agents extends Dispatcher {
  readonly #connector: ConnectorOptions
  readonly #shared: Agent
  /** The one that was used last is at the end. */
  readonly #certified = new Map<string, Agent>()

  constructor(connector: ConnectorOptions) {
    super()
    this.#connector = connector
    this.#shared = this.#open(undefined)
  }

  override dispatch(options: CertifiedOptions, handler: Dispatcher.DispatchHandler): boolean {
    const { certificate } = options
    const agent = certificate === undefined ? this.#shared : this.#certifiedBy(certificate)
    return agent.dispatch(options as Agent.DispatchOptions, handler)
  }

  override async destroy(): Promise<void> {
    await Promise.all([this.#shared, ...this.#certified.values()].map(agent => agent.destroy()))
  }

  #certifiedBy(certificate: ClientCertificate): Agent {
    const { cert, key, passphrase = '' } = certificate
    const name = createHash('sha256')
      .update(JSON.stringify([cert, key, passphrase]))
      .digest('base64')
    const agent = this.#certified.get(name) ?? this.#open(certificate)
    this.#certified.delete(name)
    this.#certified.set(name, agent)
    const [oldest] = this.#certified.size > maxCertificates ? this.#certified : []
    if (oldest !== undefined) {
      this.#certified.delete(oldest[0])
      void oldest[1].close()
    }
    return agent
  }

  #open(certificate: ClientCertificate | undefined): Agent {
    return new Agent({
      connect: createGuardedConnector({ ...this.#connector, certificate }),
      allowH2: true,
      pipelining: 1,
      maxHeaderSize: 64 * 1024,
    })
  }
}
