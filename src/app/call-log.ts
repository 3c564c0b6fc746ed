/** The call log, from the record of a call to its end: written, told of, kept by days, and deleted when it is old. */
import { CallLog, type CallPlace } from '../calls/call-log.ts'
import { CallRetention } from '../calls/retention.ts'
import type { UpkeepTask } from '../connections/upkeep.ts'
import type { Events } from '../events.ts'
import type { Stores } from '../store/stores.ts'
import { callExchangeBinding } from '../vault/bindings.ts'
import type { Vault } from '../vault/vault.ts'

/** A batch of calls also says which connections were used. */
export function createCallLog({ calls, callBodies, connections }: Stores, vault: Vault, events: Events): CallLog {
  const requests = vault.startSeries('callRequest')
  return new CallLog({
    store: calls,
    bodies: callBodies,
    requestSeal: {
      seal: ({ workspaceId, uuid }, text) => requests.seal(workspaceId, uuid, text),
      open: ({ workspaceId, uuid }, sealed) => requests.open(workspaceId, uuid, sealed),
    },
    exchangeSeal: {
      seal: (place, text) => vault.seal(exchangeBinding(place), text).envelope,
      open: (place, sealed) => vault.open(exchangeBinding(place), sealed),
    },
    onWritten: batch =>
      connections.touch(
        batch.map(call => ({ workspaceId: call.workspaceId, id: call.connectionId, at: call.startedAt })),
      ),
    onFailure: (error, waiting) => events.callsNotWritten(error, waiting),
    onLoss: lost => events.callsLost(lost),
    onBare: calls => events.callsBare(calls),
  })
}

/** A day that cannot be made now is made by the next turn of the upkeep: its calls have a place until then. */
export async function startCallRetention(stores: Stores, events: Events): Promise<readonly UpkeepTask[]> {
  const { callPartitions: partitions, callRetention: retention, callBodies: bodies } = stores
  const kept = new CallRetention({ partitions, retention, bodies })
  await kept.makeDays().catch(error => events.upkeepFailed(makingDays, error))
  return [
    { what: makingDays, run: () => kept.makeDays() },
    { what: 'old days of the call log', run: async limit => ((await kept.dropDay()) ? limit : 0) },
    { what: 'old calls', run: async limit => ((await kept.deleteSlice()) ? limit : 0) },
    { what: 'old bodies of calls', run: limit => kept.deleteExpiredBodies(limit) },
  ]
}

const makingDays = 'days of the call log'

function exchangeBinding({ workspaceId, uuid }: CallPlace) {
  return callExchangeBinding(workspaceId, uuid)
}
