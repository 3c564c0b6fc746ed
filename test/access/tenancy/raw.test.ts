/** Beside GraphQL: the raw route, downloads and the event stream show a stranger nothing either. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { twinsOf } from './possessions.ts'
import { dumpWorkspace, settle } from './rows.ts'
import { createMeeting, createPair, type Meeting, type Pair, privateText } from './stranger.ts'

let meeting: Meeting
let pair: Pair

beforeAll(async () => {
  meeting = await createMeeting()
  const size = { ownConnections: 2, sharedConnections: 1, metadataSize: 2, isOneDisabled: true, isLimited: false }
  pair = await createPair(meeting, [size, size])
})
afterAll(() => meeting[Symbol.asyncDispose]())

async function answerTo(path: string, key: string, init: RequestInit = {}): Promise<string> {
  const headers = { authorization: `Bearer ${key}`, ...init.headers }
  const response = await fetch(new URL(path, meeting.gateway.url), { ...init, headers })
  return `${response.status} ${(await response.text()).replace(/"requestId":"[^"]+"|req_[\w-]+/g, 'REQUEST')}`
}

test('another’s connection is none on the raw route, with any method and whoever asks', async () => {
  const { gateway, vendor } = meeting
  const { victim, stranger } = pair
  const twins = twinsOf(victim.possessions)
  await settle(gateway)
  const before = await dumpWorkspace(gateway, victim.id)
  const seen = vendor.seen.length
  for (const key of [stranger.key, stranger.session, stranger.boundKey]) {
    for (const method of ['GET', 'HEAD', 'POST', 'DELETE', 'PROPFIND']) {
      for (const [index, id] of (victim.possessions.conn ?? []).entries()) {
        const foreign = await answerTo(`passthrough/${id}/things?x=1`, key, { method })
        const absent = await answerTo(`passthrough/${twins.conn?.[index]}/things?x=1`, key, { method })
        expect(foreign).toBe(absent)
        expect(foreign).toMatch(/^404 /)
        expect(foreign).not.toMatch(privateText)
      }
    }
  }
  await settle(gateway)
  expect(await dumpWorkspace(gateway, victim.id)).toBe(before)
  expect(vendor.seen.length).toBe(seen)
})

test('a stranger’s event stream does not tell of the other workspace', async () => {
  const { gateway } = meeting
  const { victim, stranger } = pair
  const leaving = new AbortController()
  const stream = await fetch(new URL('graphql', gateway.url), {
    method: 'POST',
    signal: leaving.signal,
    headers: {
      accept: 'text/event-stream',
      'content-type': 'application/json',
      authorization: `Bearer ${stranger.key}`,
    },
    body: JSON.stringify({ query: 'subscription { connectionEvents { type connectionId data } }' }),
  })
  const reader = stream.body?.pipeThrough(new TextDecoderStream()).getReader()
  let told = ''
  const change = (id: string, key: string) =>
    gateway.run(
      'mutation($id: ID!) { updateConnection(input: {id: $id, metadata: {}}) { connection { id } } }',
      { id },
      key,
    )
  await change(victim.possessions.conn?.[0] ?? '', victim.key)
  const own = stranger.possessions.conn?.[0] ?? ''
  await change(own, stranger.key)
  while (!told.includes(own)) told += (await reader?.read())?.value ?? ''
  leaving.abort()
  expect(told).not.toMatch(privateText)
  for (const id of victim.possessions.conn ?? []) expect(told).not.toContain(id)
})
