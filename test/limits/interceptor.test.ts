/** The turn of a call ends with the head of its answer, and is withdrawn when nothing went out. */
import type { Dispatcher } from 'undici'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { GatewayError } from '../../src/errors.ts'
import { createLimits, type LimitSubject, type Limits } from '../../src/limits/limits.ts'
import { createMemoryStore } from '../../src/limits/store.ts'
import { Call, type CallOptions } from '../../src/passthrough/call.ts'
import { createRateLimit } from '../../src/passthrough/interceptors/rate-limit.ts'
import { createCore, noInjection } from '../support/passthrough-core.ts'

const subject: LimitSubject = {
  workspaceId: 'ws_1',
  integration: 'acme',
  connectionId: 'conn_1',
  endUserId: 'u1',
  callerId: 'key_1',
  limits: { caller: { requests: 2, perSeconds: 60 } },
}
const controller: Dispatcher.DispatchController = {
  aborted: false,
  paused: false,
  reason: null,
  abort() {},
  pause() {},
  resume() {},
}

type Upstream = (call: Call, handler: Dispatcher.DispatchHandler) => void

let limits: Limits

beforeEach(() => {
  limits = createLimits({ store: createMemoryStore() })
})
afterEach(async () => {
  await limits[Symbol.asyncDispose]()
})

async function makeCall(of: LimitSubject): Promise<Call> {
  await using core = createCore({ url: 'http://127.0.0.1:9' })
  return new Call(await core.plan({}), { inject: () => noInjection, subject: of })
}

/** Sends one call into the interceptor alone. @returns what its caller was told */
async function send(upstream: Upstream, of = subject, call?: Call): Promise<string> {
  const sent = call ?? (await makeCall(of))
  const dispatch: Dispatcher.Dispatch = (_options, handler) => {
    upstream(sent, handler)
    return true
  }
  const options: CallOptions = { path: '/', method: 'GET', call: sent }
  return await new Promise(resolve => {
    createRateLimit(limits)(dispatch)(options, {
      onResponseStart: (_controller, status) => resolve(String(status)),
      onResponseError: (_controller, error) => resolve(error instanceof GatewayError ? error.code : error.message),
    })
  })
}

const answer: Upstream = (call, handler) => {
  call.startAttempt()
  handler.onResponseStart?.(controller, 200, {})
}

test.each<[string, Upstream, string]>([
  [
    'refused below',
    (_call, handler) => handler.onResponseError?.(controller, new GatewayError('OVERLOADED', 'full')),
    'OVERLOADED',
  ],
  [
    'refused where its name was looked up',
    (call, handler) => {
      call.startAttempt()
      call.withdrawAttempt()
      handler.onResponseError?.(controller, new GatewayError('DESTINATION_NOT_ALLOWED', 'private'))
    },
    'DESTINATION_NOT_ALLOWED',
  ],
  [
    'that cannot be dispatched',
    () => {
      throw new TypeError('a wrong header')
    },
    'a wrong header',
  ],
])('a call %s uses nothing up', async (_what, upstream, told) => {
  for (let call = 0; call < 5; call++) expect(await send(upstream)).toBe(told)
  expect([await send(answer), await send(answer), await send(answer)]).toEqual(['200', '200', 'RATE_LIMITED'])
})

test('a call that went out and failed counts', async () => {
  const fail: Upstream = (call, handler) => {
    call.startAttempt()
    handler.onResponseError?.(controller, new Error('reset'))
  }
  expect([await send(fail), await send(fail), await send(answer)]).toEqual(['reset', 'reset', 'RATE_LIMITED'])
})

test('a call that was given up while it waited goes nowhere and uses nothing up', async () => {
  const call = await makeCall(subject)
  call.giveUp(new Error('left'))
  let sent = 0
  const told = send(() => sent++, subject, call)
  const outcome = await Promise.race([told, new Promise(resolve => setTimeout(resolve, 50, 'nothing'))])
  expect([outcome, sent]).toEqual(['nothing', 0])
  expect([await send(answer), await send(answer)]).toEqual(['200', '200'])
})

test('an interim answer does not end the turn; the answer does, with the hints of its entry', async () => {
  const unlimited = { ...subject, limits: {} }
  const headers = { 'x-ratelimit-remaining': '7', 'x-ratelimit-reset': '30' }
  await send((call, handler) => {
    call.startAttempt()
    handler.onResponseStart?.(controller, 103, { 'x-ratelimit-remaining': '1' })
    handler.onResponseStart?.(controller, 200, headers)
    handler.onResponseError?.(controller, new Error('broken off'))
  }, unlimited)
  expect(await limits.budgetOf('ws_1', 'conn_1')).toMatchObject({ remaining: 7 })
})
