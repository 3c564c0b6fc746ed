/** What the hosted connect page shows and sends back, and the flow behind it: the words that both sides share. */
import type { SchemeName } from '../auth/scheme.ts'

export interface ConnectTheme {
  readonly name: string
  readonly logoUrl: string | null
}

export interface ConnectField {
  /** The name of the form control: `config.region`, `credential.key`, … */
  readonly name: string
  readonly title: string
  readonly description?: string | undefined
  readonly example?: string | undefined
  /** The default, or the value that the connection has; never a secret. */
  readonly value?: string | undefined
  readonly isSecret: boolean
  readonly isOptional: boolean
  readonly isMultiline: boolean
}

export interface ConnectMethod {
  readonly scheme: SchemeName
  readonly title: string
  /** `redirect`: the vendor's own page asks for consent. */
  readonly kind: 'redirect' | 'form'
  readonly fields: readonly ConnectField[]
}

export interface ConnectChoice {
  readonly slug: string
  readonly name: string
  readonly description: string | null
  readonly docs: string | null
  /** Of the service, below the gateway's address; null where there is none. */
  readonly logoPath: string | null
  readonly config: readonly ConnectField[]
  readonly methods: readonly ConnectMethod[]
}

export interface ConnectView {
  readonly theme: ConnectTheme
  readonly choices: readonly ConnectChoice[]
  readonly isRepair: boolean
  readonly expiresAt: Date
  /** Where to go when the end user gives up; null: nowhere. */
  readonly returnUrl: string | null
}

export type ConnectStep =
  | { readonly kind: 'redirect'; readonly url: string }
  | {
      readonly kind: 'done'
      readonly connectionId: string
      readonly integrationName: string
      readonly theme: ConnectTheme
      /** With connection_id and state already in its query; null: stay on the page. */
      readonly returnTo: string | null
    }

export interface ConnectSubmission {
  readonly integration: string
  readonly scheme: string
  /** By {@link ConnectField.name}. */
  readonly values: Readonly<Record<string, string>>
}

export type ConnectErrorReason =
  | 'unknown'
  | 'expired'
  | 'used'
  | 'withdrawn'
  | 'denied'
  | 'state'
  | 'account'
  | 'vendor'

export interface ConnectErrorOptions {
  readonly theme?: ConnectTheme | undefined
  /** Path of the connect page to try again on. */
  readonly retryPath?: string | undefined
  readonly returnTo?: string | null | undefined
  /** For the log, never for the page. */
  readonly cause?: unknown
}

/** Why a link or a way back leads nowhere. */
export class ConnectError extends Error {
  override readonly name = 'ConnectError'
  readonly reason: ConnectErrorReason
  readonly theme: ConnectTheme | undefined
  readonly retryPath: string | undefined
  readonly returnTo: string | null | undefined

  /** @param message for the log; the page has its own sentence for each reason */
  constructor(reason: ConnectErrorReason, message: string, options: ConnectErrorOptions = {}) {
    super(message, { cause: options.cause })
    this.reason = reason
    this.theme = options.theme
    this.retryPath = options.retryPath
    this.returnTo = options.returnTo
  }
}

/** Where a request of a visit came from. */
export interface VisitSource {
  readonly requestId: string
  readonly address: string | null
}

/** What a visit led to. */
export interface VisitOutcome {
  readonly workspaceId: string
  readonly sessionId: string
  readonly endUserId: string
  readonly integration: string
  readonly authScheme: string
  readonly connectionId: string
  /** True when the connection was there before. */
  readonly isRepair: boolean
}

/** One visit of an end user, from the link to the connection. */
export interface ConnectFlow {
  /** @throws {ConnectError} unknown, expired, used, withdrawn */
  open(token: string): Promise<ConnectView>
  /**
   * @param browser a secret that only this browser has (the cookie)
   * @throws {ConnectError}
   * @throws {GatewayError} INVALID_INPUT with details whose field is a {@link ConnectField.name} or `integration`, or any
   * other code with a sentence to show
   */
  submit(token: string, browser: string, submission: ConnectSubmission, source?: VisitSource): Promise<ConnectStep>
  /** The vendor sent the browser back. @throws {ConnectError} */
  finish(
    browser: string | undefined,
    params: URLSearchParams,
    source?: VisitSource,
  ): Promise<Extract<ConnectStep, { kind: 'done' }>>
}
