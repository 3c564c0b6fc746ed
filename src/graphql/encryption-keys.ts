/** Encryption keys: what hangs on each, and their rotation. */
import type { EncryptionKeyFacts, KeyRotationState } from '../connections/encryption-keys.ts'
import type { RotationFailure } from '../connections/key-rotation.ts'
import { builder } from './builder.ts'
import { authorizeOperator } from './operator.ts'

const shownFailures = 100
const why = 'Encryption keys concern all workspaces'

const EncryptionKeyType = builder.objectRef<EncryptionKeyFacts>('EncryptionKey').implement({
  description: 'A key under which stored secrets are sealed; the key itself is in the gateway’s configuration only.',
  fields: t => ({
    id: t.exposeID('id', { description: 'Its id in `PASSGATE_ENCRYPTION_KEYS`.' }),
    isPrimary: t.exposeBoolean('isPrimary', { description: 'True for the one that seals: the first of the list.' }),
    isInRing: t.exposeBoolean('isInRing', {
      description: 'False for a key that this store was sealed with once and the process that answers does not have.',
    }),
    rows: t.exposeInt('sealedRows', {
      description: 'Rows of all workspaces that only it opens; with none left the key may be removed.',
    }),
  }),
})

const RotationFailureType = builder.objectRef<RotationFailure>('EncryptionKeyRotationFailure').implement({
  description: 'A row whose secret cannot be opened; the rotation leaves it as it is.',
  fields: t => ({
    table: t.exposeString('table', { description: 'Its table.' }),
    workspaceId: t.exposeID('workspaceId', { description: 'Its workspace.' }),
    rowId: t.string({
      description: 'Its id there, such as a connection’s.',
      resolve: ({ key }) => key.join(' '),
    }),
    message: t.exposeString('message', { description: 'Why it cannot be opened.' }),
  }),
})

const RotationType = builder.objectRef<KeyRotationState>('EncryptionKeyRotation').implement({
  description: 'A rotation in the process that answers; another replica knows of its own only.',
  fields: t => ({
    isRunning: t.boolean({
      description: 'True until it ends.',
      resolve: ({ finishedAt }) => finishedAt === null,
    }),
    startedAt: t.expose('startedAt', { type: 'DateTime', description: 'When it began.' }),
    finishedAt: t.expose('finishedAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When it ended; null while it runs.',
    }),
    doneRows: t.int({
      description: 'Rows looked at.',
      resolve: state => sumOf(state, 'done'),
    }),
    totalRows: t.int({
      description: 'Rows with a secret in them, as they were counted at the start.',
      resolve: state => sumOf(state, 'total'),
    }),
    movedRows: t.int({
      description: 'Rows that it put under the primary key; others were under it before.',
      resolve: state => sumOf(state, 'moved'),
    }),
    failedRows: t.int({
      description: 'How many rows it could not open, once it has ended; a log line names each.',
      resolve: ({ failures }) => failures.length,
    }),
    failures: t.field({
      type: [RotationFailureType],
      description: `The first ${shownFailures} of them.`,
      resolve: ({ failures }) => failures.slice(0, shownFailures),
    }),
    message: t.exposeString('message', {
      nullable: true,
      description: 'Why it ended before its time; null when it did not.',
    }),
  }),
})

builder.queryFields(t => ({
  encryptionKeys: t.field({
    type: [EncryptionKeyType],
    description:
      'The encryption keys of the gateway, the primary first. They concern all workspaces: for an admin key of the default workspace, the operator’s, only. Scope: admin.',
    resolve: (_root, _args, context) => {
      authorizeOperator(context, why)
      return context.services.encryptionKeys.list()
    },
  }),
  encryptionKeyRotation: t.field({
    type: RotationType,
    nullable: true,
    description:
      'The rotation that runs in the process that answers, else its last one; null when it has had none. For the operator only. Scope: admin.',
    resolve: (_root, _args, context) => {
      authorizeOperator(context, why)
      return context.services.encryptionKeys.rotation
    },
  }),
}))

builder.mutationField('rotateEncryptionKeys', t =>
  t.field({
    type: RotationType,
    description:
      'Puts the stored secrets of all workspaces under the primary key, in the background of the process that answers, while calls go on; when a rotation runs there already, this is that one. `encryptionKeys` shows what is left. For an admin key of the default workspace, the operator’s, only. Scope: admin.',
    resolve: async (_root, _args, context) => {
      authorizeOperator(context, why)
      const rotation = context.services.encryptionKeys.startRotation()
      await context.audit('encryptionKeys.rotated', null)
      return rotation
    },
  }),
)

function sumOf({ tables }: KeyRotationState, figure: 'done' | 'total' | 'moved'): number {
  return tables.reduce((sum, progress) => sum + progress[figure], 0)
}
