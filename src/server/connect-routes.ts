/** The hosted connect pages: `/connect/{token}`, where an end user connects an account, and `/oauth/callback`, the way back. */
import type { FastifyPluginAsync, FastifyReply, FastifyRequest } from 'fastify'
import {
  type ConnectChoice,
  ConnectError,
  type ConnectField,
  type ConnectFlow,
  type ConnectMethod,
  type ConnectStep,
  type ConnectView,
  type VisitSource,
} from '../connections/connect-view.ts'
import { GatewayError } from '../errors.ts'
import type { Events } from '../events.ts'
import type { ReadAddress } from './client-address.ts'
import { choicePage, emptyPage } from './connect-choice.ts'
import { createBrowserSecret, createConnectCookie, formTokenOf, isFormToken, isFromOwnPage } from './connect-cookie.ts'
import { fieldsOf, formPage } from './connect-form.ts'
import { readWebUrl } from './connect-markup.ts'
import {
  brokenPage,
  donePage,
  endingPage,
  foreignFormPage,
  noCookiePage,
  noFormPage,
  refusedPage,
  tooLargePage,
} from './connect-outcome.ts'
import { type ConnectPage, headersOf, privateHeaders, renderPage } from './connect-page.ts'
import { passageOf } from './passage.ts'

export interface ConnectRoutesOptions {
  readonly flow: ConnectFlow
  readonly events: Pick<Events, 'requestFailed'>
  readonly readAddress: ReadAddress
  /** The address that callers use. */
  readonly publicUrl: () => URL
  readonly now?: () => Date
}

const maxFormBytes = 64 * 1024
const maxSearchLength = 100
const notOffered = 'This link is not for that service or way to connect. Choose one of these.'

/** No token is longer (that of a repair link holds sealed facts); what is gets the page of an unknown one. */
const maxTokenLength = 1024

export function createConnectRoutes(options: ConnectRoutesOptions): FastifyPluginAsync {
  const { flow, events, readAddress, publicUrl, now = () => new Date() } = options
  const sourceOf = ({ id, raw }: FastifyRequest): VisitSource => ({ requestId: id, address: readAddress(raw) ?? null })
  const cookie = () => createConnectCookie(publicUrl().protocol === 'https:')

  async function show(request: FastifyRequest, reply: FastifyReply) {
    const token = tokenOf(request)
    const view = await flow.open(token)
    const browser = cookie().read(request.headers) ?? createBrowserSecret()
    const query = queryOf(request)
    const choice = chooseFrom(view, query.get('integration'))
    reply.header('set-cookie', cookie().write(browser))
    if (view.choices.length === 0) return send(reply, emptyPage(view, now()))
    if (choice === undefined) {
      const search = (query.get('search') ?? '').slice(0, maxSearchLength)
      const problem = query.has('integration') ? { status: 404, sentence: notOffered } : undefined
      return send(reply, choicePage(view, now(), search, problem))
    }
    const method = methodOf(choice, query.get('method')) ?? choice.methods[0]
    if (method === undefined) return send(reply, emptyPage(view, now(), choice.name))
    return send(reply, formPage(view, now(), choice, method, { csrf: formTokenOf(browser, token) }))
  }

  async function submit(request: FastifyRequest, reply: FastifyReply) {
    const token = tokenOf(request)
    const browser = cookie().read(request.headers)
    const form = new URLSearchParams(typeof request.body === 'string' ? request.body : '')
    if (browser === undefined) return send(reply, noCookiePage())
    const isOwn = isFromOwnPage(request.headers, publicUrl()) && isFormToken(form.get('csrf'), browser, token)
    if (!isOwn) return send(reply, foreignFormPage())
    const view = await flow.open(token)
    const choice = view.choices.find(({ slug }) => slug === form.get('integration'))
    const method = choice && methodOf(choice, form.get('scheme'))
    if (choice === undefined || method === undefined) {
      return send(reply, choicePage(view, now(), '', { status: 422, sentence: notOffered }))
    }
    const values = readValues(form, fieldsOf(choice, method))
    try {
      const submission = { integration: choice.slug, scheme: method.scheme, values }
      return leave(reply, await flow.submit(token, browser, submission, sourceOf(request)))
    } catch (error) {
      if (!(error instanceof GatewayError)) throw error
      const state = { csrf: formTokenOf(browser, token), refusal: error, values }
      return send(reply, formPage(view, now(), choice, method, state))
    }
  }

  async function finish(request: FastifyRequest, reply: FastifyReply) {
    return leave(reply, await flow.finish(cookie().read(request.headers), queryOf(request), sourceOf(request)))
  }

  /** Whatever goes wrong is a page too; what nobody expected says no more than where to find it. */
  function fail(error: unknown, request: FastifyRequest, reply: FastifyReply) {
    if (error instanceof ConnectError) return send(reply, endingPage(error))
    if (error instanceof GatewayError) {
      passageOf(request.raw)?.refuse(error)
      return send(reply, refusedPage(error))
    }
    const status = error instanceof Error && 'statusCode' in error ? Number(error.statusCode) : 500
    if (status === 413) return send(reply, tooLargePage())
    if (status >= 400 && status < 500) return send(reply, noFormPage(status))
    passageOf(request.raw)?.refuse(error)
    events.requestFailed(request.id, error)
    return send(reply, brokenPage(request.id))
  }

  return async function connectRoutes(fastify) {
    fastify.setErrorHandler(fail)
    fastify.removeAllContentTypeParsers()
    fastify.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'string', bodyLimit: maxFormBytes },
      async (_request: FastifyRequest, body: string) => body,
    )
    await fastify.register(
      async pages => {
        pages.setNotFoundHandler((_request, reply) => send(reply, endingPage(unknownLink())))
        // Not a parameter, whose length the framework limits in its own words.
        pages.get('/*', show)
        pages.post('/*', submit)
      },
      { prefix: '/connect' },
    )
    // Nobody who only asks what is there may use the vendor's answer up.
    fastify.get('/oauth/callback', { exposeHeadRoute: false }, finish)
    fastify.head('/oauth/callback', async (_request, reply) => reply.headers(privateHeaders).send())
  }
}

function send(reply: FastifyReply, page: ConnectPage) {
  return reply.code(page.status).headers(headersOf(page)).send(renderPage(page))
}

/** 303 (RFC 9110 §15.4.4): whatever was sent here is not sent there. */
function leave(reply: FastifyReply, step: ConnectStep) {
  const url = readWebUrl(step.kind === 'redirect' ? step.url : step.returnTo)
  if (url !== undefined) return reply.code(303).headers(privateHeaders).header('location', url.href).send()
  if (step.kind === 'redirect') throw new Error('the authorization page has no address on the web')
  return send(reply, donePage(step))
}

function tokenOf({ params }: FastifyRequest): string {
  const { '*': token } = params as { '*': string }
  if (token === '' || token.length > maxTokenLength || /[/\\]/.test(token)) throw unknownLink()
  return token
}

function unknownLink(): ConnectError {
  return new ConnectError('unknown', 'no link has this address')
}

function queryOf({ url }: FastifyRequest): URLSearchParams {
  const start = url.indexOf('?')
  return new URLSearchParams(start === -1 ? '' : url.slice(start + 1))
}

/** The only one needs no choosing. */
function chooseFrom({ choices }: ConnectView, slug: string | null): ConnectChoice | undefined {
  return choices.length === 1 ? choices[0] : choices.find(choice => choice.slug === slug)
}

function methodOf({ methods }: ConnectChoice, scheme: string | null): ConnectMethod | undefined {
  return methods.find(method => method.scheme === scheme)
}

/** Of what was sent, what was asked for; browsers send every line break as two characters (HTML §4.10.22.4). */
function readValues(form: URLSearchParams, fields: readonly ConnectField[]): Record<string, string> {
  return Object.fromEntries(
    fields.flatMap(({ name, isMultiline }) => {
      const value = form.get(name) ?? ''
      return value === '' ? [] : [[name, isMultiline ? value.replaceAll('\r\n', '\n') : value]]
    }),
  )
}
