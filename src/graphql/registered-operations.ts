/** Registered operations: documents that a request may name by their hash, and all that some keys may run. */
import { type GraphQLSchema, Kind, parse, validate } from 'graphql'
import type { RegisteredOperation } from '../access/registered-operations.ts'
import { builder } from './builder.ts'
import { toRelay } from './pages.ts'
import { describeRequestError } from './request-error.ts'

const RegisteredOperationType = builder.objectRef<RegisteredOperation>('RegisteredOperation')

builder.node(RegisteredOperationType, {
  description:
    'A document that the workspace trusts. A request names it by `extensions: {persistedQuery: {version: 1, sha256Hash}}` or by `documentId: "sha256:…"` in the place of `query`; a key made with `registeredOnly` runs no other. Scope: keys:write.',
  id: { resolve: operation => operation.id },
  loadMany: async (ids, context) => {
    const { workspaceId } = context.authorize('keys:write')
    const found = await context.services.registeredOperations.getMany(workspaceId, ids)
    return ids.map(id => found.find(operation => operation.id === id) ?? null)
  },
  fields: t => ({
    name: t.exposeString('name', { description: 'Its name in the workspace.' }),
    sha256: t.exposeString('hash', { description: 'SHA-256 of the document in hexadecimal: what a request names.' }),
    document: t.exposeString('document', { description: 'Its text, as it was registered.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was registered first.' }),
  }),
})

builder.queryField('registeredOperations', t =>
  t.connection({
    type: RegisteredOperationType,
    description: 'The workspace’s registered operations, newest first. Scope: keys:write.',
    resolve: async (_root, page, context) => {
      const { workspaceId } = context.authorize('keys:write')
      return toRelay(await context.services.registeredOperations.list(workspaceId, page))
    },
  }),
)

const NewOperationInput = builder.inputType('NewOperationInput', {
  description: 'An operation to register.',
  fields: t => ({
    name: t.string({ required: true, description: 'A name of its own in the workspace; 1 to 200 characters.' }),
    document: t.string({
      required: true,
      description:
        'One operation with its fragments, exactly as clients send or hash it; at most 100,000 characters. It must be valid against this schema.',
    }),
  }),
})

const RegisterOperationsInput = builder.inputType('RegisterOperationsInput', {
  description: 'Which operations to register.',
  fields: t => ({
    operations: t.field({ type: [NewOperationInput], required: true, description: '1 to 500 of them.' }),
  }),
})

const DeleteRegisteredOperationInput = builder.inputType('DeleteRegisteredOperationInput', {
  description: 'Which registered operation to delete.',
  fields: t => ({ id: t.id({ required: true, description: 'An `op_…` id, or the SHA-256 of the document.' }) }),
})

const RegisterOperationsPayload = builder
  .objectRef<{ operations: readonly RegisteredOperation[] }>('RegisterOperationsPayload')
  .implement({
    description: 'What registerOperations registered.',
    fields: t => ({
      operations: t.field({
        type: [RegisteredOperationType],
        description: 'The operations in the order in which they were given, also those that were there before.',
        resolve: ({ operations }) => [...operations],
      }),
    }),
  })

const DeleteRegisteredOperationPayload = builder
  .objectRef<{ deletedRegisteredOperationId: string }>('DeleteRegisteredOperationPayload')
  .implement({
    description: 'What deleteRegisteredOperation deleted.',
    fields: t => ({
      deletedRegisteredOperationId: t.exposeID('deletedRegisteredOperationId', {
        description: 'The id whose document no request can name any more.',
      }),
    }),
  })

builder.mutationFields(t => ({
  registerOperations: t.field({
    type: RegisterOperationsPayload,
    description:
      'Registers operations, all or none of them. Registering the same name and text again changes nothing; a name of another text, or a text of another name, is refused. Scope: keys:write.',
    args: { input: t.arg({ type: RegisterOperationsInput, required: true, description: 'The operations.' }) },
    resolve: async (_root, { input }, context, { schema }) => {
      const { workspaceId } = context.authorize('keys:write')
      const check = (document: string) => findFaults(schema, document)
      const { registeredOperations } = context.services
      const { operations, created } = await registeredOperations.register(workspaceId, input.operations, check)
      for (const { id, name, hash } of created) {
        await context.audit('registeredOperation.created', id, { name, sha256: hash })
      }
      return { operations }
    },
  }),
  deleteRegisteredOperation: t.field({
    type: DeleteRegisteredOperationPayload,
    description:
      'Deletes a registered operation: its hash finds nothing and keys for registered operations may not run it, on other replicas after half a second at the latest. Scope: keys:write.',
    args: { input: t.arg({ type: DeleteRegisteredOperationInput, required: true, description: 'Which one.' }) },
    resolve: async (_root, { input }, context) => {
      const { workspaceId } = context.authorize('keys:write')
      const id = await context.services.registeredOperations.delete(workspaceId, input.id)
      await context.audit('registeredOperation.deleted', id)
      return { deletedRegisteredOperationId: id }
    },
  }),
}))

/** At most a few: somebody has to read them. */
const maxFaults = 5

/** What keeps the schema from running it, as sentences that repeat no value of the document. */
function findFaults(schema: GraphQLSchema, text: string): string[] {
  try {
    const document = parse(text, { maxTokens: 20_000 })
    const operations = document.definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION)
    if (operations.length !== 1) return [`It takes one operation; got ${operations.length}.`]
    const faults = validate(schema, document, undefined, { maxErrors: maxFaults })
    return faults.map(({ message }) => describeRequestError(message).message)
  } catch (error) {
    return [error instanceof Error ? describeRequestError(error.message).message : 'It is no GraphQL document.']
  }
}
