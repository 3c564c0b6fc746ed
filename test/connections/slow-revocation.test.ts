/** A vendor that does not answer delays no deletion: the credential is erased, and the revocation goes on behind it. */
import { expect, test } from 'vitest'
import { CredentialSeal } from '../../src/connections/credential-seal.ts'
import { Deletions } from '../../src/connections/deletions.ts'
import { Revocations } from '../../src/connections/revocations.ts'
import type { ConnectionDeletionStore, DeletionRow, DeletionStep } from '../../src/store/connection-deletions.ts'
import { KeyRing } from '../../src/vault/key-ring.ts'
import { Vault } from '../../src/vault/vault.ts'

const place = { workspaceId: 'ws', id: 'conn' }
const done = (step: DeletionStep['step']): DeletionStep => ({ step, outcome: 'DONE', message: null })

function open(answers: Promise<void>[], patienceMs?: number) {
  const seal = new CredentialSeal(new Vault(new KeyRing([{ id: 'k1', key: Buffer.alloc(32, 1) }])), {
    credentialUnopened: () => {},
  })
  const { sealedCredential } = seal.seal(place, { scheme: 'bearer', token: 'canary' }, { scheme: 'bearer' })
  const row = { ...place, integration: 'acme', scheme: 'oauth2', config: {}, sealedCredential, steps: [done('STOP')] }
  const finished: (readonly DeletionStep[])[] = []
  const failures: unknown[] = []
  let tries = 0
  const asked = Promise.withResolvers<void>()
  const planRevocation = async () => () => {
    tries += 1
    asked.resolve()
    return answers.shift() ?? Promise.reject(new TypeError('asked once more'))
  }
  const deletions = {
    get: async () => row as unknown as DeletionRow,
    takeUnfinished: async () => [row, row] as unknown as DeletionRow[],
    finish: async (_workspaceId: string, _id: string, steps: readonly DeletionStep[]) => void finished.push(steps),
  } as unknown as ConnectionDeletionStore
  const onFailed = (_row: unknown, error: unknown) => failures.push(error)
  const revocations = new Revocations({ plan: planRevocation, onFailed, pausesMs: [1] })
  const store = { remove: async () => row as never }
  const parts = { store, deletions, seal, planRevocation, revocations, ...(patienceMs && { patienceMs }) }
  return { deletions: new Deletions(parts), finished, failures, asked: asked.promise, tries: () => tries }
}

test('who deletes waits so long and no longer', async () => {
  const { deletions, finished, failures } = open([new Promise<void>(() => {}), Promise.resolve()], 5)
  const deletion = await deletions.delete('ws', 'conn', () => {})
  const late =
    'The vendor did not answer within 5 ms. It is tried again for some minutes; then revoke it at the vendor.'
  const steps = [done('STOP'), { step: 'REVOKE', outcome: 'FAILED', message: late }, done('ERASE')]
  expect(deletion).toEqual({ isFirst: true, steps })
  await expect.poll(() => finished).toEqual([steps, [done('STOP'), done('REVOKE'), done('ERASE')]])
  expect(failures).toEqual([])
})

test('the upkeep does not wait for it when the process ends: the next one finishes what is left', async () => {
  const { deletions, finished, asked, tries } = open([new Promise<void>(() => {})])
  const ending = new AbortController()
  const finishing = deletions.finishAll(10, ending.signal)
  await asked
  ending.abort()
  expect(await finishing).toBe(2)
  expect([tries(), finished]).toEqual([1, []])
})
