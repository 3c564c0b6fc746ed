/** A flow behind the connect pages that remembers what it was asked and answers as a test tells it, and the pages over it. */
import Fastify, { type FastifyInstance } from 'fastify'
import type {
  ConnectChoice,
  ConnectFlow,
  ConnectStep,
  ConnectSubmission,
  ConnectView,
} from '../../src/connections/connect-view.ts'
import { ConnectError } from '../../src/connections/connect-view.ts'
import { createConnectRoutes } from '../../src/server/connect-routes.ts'

export const linkToken = `pgl_${'t'.repeat(43)}`
export const now = new Date('2026-03-01T12:00:00Z')

type Done = Extract<ConnectStep, { kind: 'done' }>

export interface FakeFlow extends ConnectFlow {
  readonly opened: string[]
  readonly submitted: { token: string; browser: string; submission: ConnectSubmission }[]
  readonly finished: { browser: string | undefined; params: string }[]
}

export interface FakeAnswers {
  readonly view?: Partial<ConnectView>
  readonly open?: (token: string) => ConnectView
  readonly submit?: (submission: ConnectSubmission, browser: string) => ConnectStep
  readonly finish?: (params: URLSearchParams, browser: string | undefined) => Done
}

export const acme: ConnectChoice = {
  slug: 'acme',
  name: 'Acme CRM',
  description: 'Contacts and deals',
  docs: 'https://acme.example/api',
  logoPath: null,
  config: [
    {
      name: 'config.region',
      title: 'Region',
      description: 'Where your account is.',
      example: 'eu1',
      value: 'us9',
      isSecret: false,
      isOptional: false,
      isMultiline: false,
    },
  ],
  methods: [
    {
      scheme: 'apiKey',
      title: 'API key',
      kind: 'form',
      fields: [
        { name: 'credential.key', title: 'API key', isSecret: true, isOptional: false, isMultiline: false },
        { name: 'credential.note', title: 'Note', isSecret: false, isOptional: true, isMultiline: true },
      ],
    },
    { scheme: 'oauth2', title: 'Sign in', kind: 'redirect', fields: [] },
  ],
}

/** One way to connect, without anything to fill in. */
export function simpleChoice(slug: string, name = slug): ConnectChoice {
  const methods = [{ scheme: 'oauth2', title: 'Sign in', kind: 'redirect', fields: [] }] as const
  return { slug, name, description: null, docs: null, logoPath: null, config: [], methods }
}

export const theme = { name: 'Brightwater', logoUrl: 'https://cdn.brightwater.example:8443/logo.png?v=1' }

export const acmeView: ConnectView = {
  theme,
  choices: [acme],
  isRepair: false,
  expiresAt: new Date(now.getTime() + 25 * 60_000),
  returnUrl: 'https://app.brightwater.example/accounts?tab=1',
}

export const doneStep: Done = {
  kind: 'done',
  connectionId: 'conn_1',
  integrationName: 'Acme CRM',
  theme,
  returnTo: 'https://app.brightwater.example/accounts?tab=1&connection_id=conn_1&state=s',
}

export function createFakeFlow(answers: FakeAnswers = {}): FakeFlow {
  const { view, open, submit = () => doneStep, finish = () => doneStep } = answers
  const flow: FakeFlow = {
    opened: [],
    submitted: [],
    finished: [],
    async open(token) {
      flow.opened.push(token)
      if (open !== undefined) return open(token)
      if (token !== linkToken) throw new ConnectError('unknown', 'no such link')
      return { ...acmeView, ...view }
    },
    async submit(token, browser, submission) {
      flow.submitted.push({ token, browser, submission })
      return submit(submission, browser)
    },
    async finish(browser, params) {
      flow.finished.push({ browser, params: params.toString() })
      return finish(params, browser)
    },
  }
  return flow
}

export interface Pages extends AsyncDisposable {
  readonly flow: FakeFlow
  readonly fastify: FastifyInstance
  /** What was logged as a failure. */
  readonly failures: unknown[]
  get(path: string, headers?: Record<string, string>): Promise<PageAnswer>
  /** The form of the link as its page sends it, with other values or headers. */
  post(values: Record<string, string>, headers?: Record<string, string>): Promise<PageAnswer>
}

export interface PageAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: string
}

export const page = `/connect/${linkToken}`

export function createPages(answers: FakeAnswers = {}, publicUrl = 'https://gateway.example/'): Pages {
  const flow = createFakeFlow(answers)
  const failures: unknown[] = []
  const fastify = Fastify({ genReqId: () => 'request-1' })
  fastify.register(
    createConnectRoutes({
      flow,
      events: { requestFailed: (_id, error) => failures.push(error) },
      readAddress: () => undefined,
      publicUrl: () => new URL(publicUrl),
      now: () => now,
    }),
  )
  async function send(method: 'GET' | 'POST', url: string, headers: Record<string, string>, payload?: string) {
    const answer = await fastify.inject({ method, url, headers, ...(payload !== undefined && { payload }) })
    const flat = Object.entries(answer.headers).map(([name, value]) => [name, value === undefined ? '' : String(value)])
    return { status: answer.statusCode, headers: Object.fromEntries(flat), body: answer.body } as PageAnswer
  }
  const get: Pages['get'] = (path, headers = {}) => send('GET', path, headers)
  return {
    flow,
    fastify,
    failures,
    get,
    async post(values, headers = {}) {
      const first = await get(`${page}?integration=${values.integration ?? 'acme'}&method=${values.scheme ?? 'apiKey'}`)
      const form = { integration: 'acme', scheme: 'apiKey', csrf: csrfOf(first.body), ...values }
      return send(
        'POST',
        page,
        { 'content-type': 'application/x-www-form-urlencoded', cookie: cookieOf(first), ...headers },
        new URLSearchParams(form).toString(),
      )
    },
    [Symbol.asyncDispose]: () => fastify.close(),
  }
}

/** What a browser sends back of `set-cookie`. */
export function cookieOf({ headers }: PageAnswer): string {
  return (headers['set-cookie'] ?? '').split(';')[0] ?? ''
}

export function csrfOf(body: string): string {
  return body.match(/name="csrf" value="([^"]*)"/)?.[1] ?? ''
}
