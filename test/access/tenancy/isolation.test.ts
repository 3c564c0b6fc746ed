/** Nothing of one workspace shows in another or is changed from there, whatever the other asks with whatever it knows. */
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { argumentsOf } from './arguments.ts'
import { idKinds, twinsOf } from './possessions.ts'
import { dumpWorkspace, settle } from './rows.ts'
import { listRootFields, type RootField } from './schema-walk.ts'
import {
  type Attempt,
  comparable,
  createMeeting,
  createPair,
  type Meeting,
  namesOf,
  privateText,
  send,
} from './stranger.ts'
import { contents, type FilledWorkspace } from './workspace-contents.ts'

let meeting: Meeting

beforeAll(async () => {
  meeting = await createMeeting()
})
afterAll(() => meeting[Symbol.asyncDispose]())

const fields = listRootFields().filter(({ root }) => root !== 'Subscription')

function attemptOf(field: RootField): fc.Arbitrary<Attempt> {
  const caller = fc.constantFrom(
    'key' as const,
    'key' as const,
    'key' as const,
    'session' as const,
    'boundKey' as const,
  )
  return fc.record({ field: fc.constant(`${field.root}.${field.name}`), variables: argumentsOf(field), caller })
}

/** Each root field twice: reads first, so that no write of the stranger's is still being told of while lists are compared. */
const attempts = fc.tuple(...fields.flatMap(field => [attemptOf(field), attemptOf(field)]))

function idsOf({ possessions }: FilledWorkspace): string[] {
  return idKinds.flatMap(kind => possessions[kind] ?? [])
}

test('what a stranger asks shows, changes and sends nothing of a workspace, and foreign things answer as none', async () => {
  const { gateway, vendor } = meeting
  await fc.assert(
    fc.asyncProperty(contents, contents, attempts, async (size, strangerSize, tries) => {
      const { victim, stranger } = await createPair(meeting, [size, strangerSize])
      const twins = twinsOf(victim.possessions)
      const names = namesOf(victim.possessions, twins)
      const known = new Set(idsOf(stranger))
      const told = new Set<string>()
      await settle(gateway)
      const before = await dumpWorkspace(gateway, victim.id)
      expect(before).toMatch(privateText)
      const seen = vendor.seen.length
      for (const attempt of tries) {
        const foreign = await send(gateway, stranger, attempt, victim.possessions)
        const absent = await send(gateway, stranger, attempt, twins)
        for (const value of foreign.used) told.add(value)
        const { text } = foreign.answer
        const where = `${attempt.field} by ${attempt.caller} ${JSON.stringify(attempt.variables)}`
        expect(text, where).not.toMatch(privateText)
        expect(text, where).not.toContain('"INTERNAL"')
        // The id of an integration is made of its slug: whoever names the slug is told the id.
        const own = idsOf(victim).filter(id => !id.startsWith('int_') && !told.has(id))
        expect([where, own.filter(id => text.includes(id))]).toEqual([where, []])
        expect([where, comparable(foreign, known, names)]).toEqual([where, comparable(absent, known, names)])
      }
      await settle(gateway)
      expect(await dumpWorkspace(gateway, victim.id)).toBe(before)
      expect(JSON.stringify(vendor.seen.slice(seen))).not.toMatch(privateText)
    }),
    { numRuns: 6, endOnFailure: true, verbose: 0 },
  )
}, 240_000)
