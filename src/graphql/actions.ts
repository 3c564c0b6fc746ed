/** Actions: named requests with a checked input, listed by integration and executed through a connection. */
import type { Action } from '../actions/action.ts'
import { type ActionField, describeFields } from '../actions/describe-fields.ts'
import { type ExampleCall, exampleCall } from '../actions/example-call.ts'
import { type ActionAnswer, executeAction } from '../actions/execute.ts'
import { builder } from './builder.ts'
import { HttpMethod } from './http-enums.ts'
import { IntegrationType } from './integrations.ts'
import { toRelay } from './pages.ts'
import { selectorArgs } from './passthrough.ts'
import { PassthroughResult } from './passthrough-result.ts'

const ActionParameterPlace = builder.enumType('ActionParameterPlace', {
  description: 'The part of a request that a field of an input goes into.',
  values: {
    PATH: { description: 'One segment of the path.' },
    QUERY: { description: 'The query.' },
    HEADER: { description: 'A header.' },
    COOKIE: { description: 'The header `cookie`.' },
    BODY: { description: 'The body.' },
  } satisfies Record<ActionField['in'], object>,
})

const ActionParameterType = builder.objectRef<ActionField>('ActionParameter').implement({
  description: 'One field of an action’s input, for forms; `Action.inputSchema` says all there is to say of it.',
  fields: t => ({
    name: t.exposeString('name', { description: 'The key in `input`.' }),
    in: t.expose('in', { type: ActionParameterPlace, description: 'Where it goes.' }),
    type: t.exposeString('type', {
      description: 'JSON Schema’s word, such as `string` or `array`; several are joined by `|`, `any` is no limit.',
    }),
    required: t.exposeBoolean('required', { description: 'True when the action cannot do without it.' }),
    description: t.exposeString('description', { nullable: true, description: 'What it is for.' }),
    default: t.field({
      type: 'JSON',
      nullable: true,
      description: 'What the vendor takes when it is absent; Passgate sends nothing then.',
      resolve: field => field.default,
    }),
    enum: t.field({
      type: ['JSON'],
      nullable: { list: true, items: true },
      description: 'The only values there are; null for no such limit.',
      resolve: field => (field.enum === null ? null : [...field.enum]),
    }),
    example: t.field({
      type: 'JSON',
      nullable: true,
      description: 'A value as it may look.',
      resolve: field => field.example,
    }),
  }),
})

const ActionExampleType = builder.objectRef<ExampleCall>('ActionExample').implement({
  description: 'A filled call of an action, to be pasted and changed.',
  fields: t => ({
    input: t.field({
      type: 'JSONObject',
      description: 'An input that the schema takes; the vendor may not know its values.',
      resolve: ({ input }) => input,
    }),
    graphql: t.exposeString('graphql', {
      description:
        'The mutation. Where names of the input are none that GraphQL can write, it takes the input as its variable `$input`.',
    }),
    curl: t.exposeString('curl', { description: 'The line that sends it, with `ACCESS_KEY` for the key.' }),
  }),
})

export const ActionType = builder.objectRef<Action>('Action').implement({
  description:
    'A named request of an integration: hand-written in its definition, or an operation of an imported OpenAPI document. Whoever may read the integration may read it.',
  fields: t => ({
    id: t.id({
      description: 'The integration’s slug and the name, joined by a colon.',
      resolve: ({ integration, name }) => `${integration}:${name}`,
    }),
    name: t.exposeString('name', { description: 'What executeAction takes; unique in its integration.' }),
    description: t.exposeString('description', { description: 'What it does; empty when its document does not say.' }),
    method: t.expose('method', {
      type: HttpMethod,
      description: 'The method of its request; it decides on the scope.',
    }),
    path: t.exposeString('path', {
      description: 'Below the base URL, or an absolute URL on a pinned host; `{name}` is filled from the input.',
    }),
    deprecated: t.exposeBoolean('deprecated', { description: 'True when the vendor would rather not have it used.' }),
    document: t.exposeString('document', {
      nullable: true,
      description: 'The imported document that describes it; null for a hand-written one.',
    }),
    inputSchema: t.field({
      type: 'JSON',
      description: 'JSON Schema (2020-12) of the input; it is complete in itself.',
      resolve: async action => (await action.definition()).input,
    }),
    parameters: t.field({
      type: [ActionParameterType],
      description: 'The fields of the input, in the order of the schema.',
      resolve: async action => describeFields(await action.definition()),
    }),
    example: t.field({
      type: ActionExampleType,
      nullable: true,
      description: 'A filled call; null when no input could be made up that the schema takes.',
      resolve: async (action, _args, { services }) => {
        const { example } = await action.definition()
        return example === undefined ? null : exampleCall(action, example, new URL('graphql', services.publicUrl()))
      },
    }),
  }),
})

builder.objectFields(IntegrationType, t => ({
  actions: t.connection({
    type: ActionType,
    description:
      'Its actions, sorted by name: hand-written ones and those of the workspace’s imported OpenAPI documents. Any access key may ask.',
    args: { search: t.arg.string({ description: 'Part of the name, the path or the description, in any case.' }) },
    resolve: async (integration, { search = null, ...page }, { actionsOf }) =>
      toRelay(await actionsOf({ integration, search, page })),
  }),
  action: t.field({
    type: ActionType,
    nullable: true,
    description: 'The action of this name, or null. Any access key may ask.',
    args: { name: t.arg.string({ required: true, description: 'For example `create_contact`.' }) },
    resolve: (integration, { name }, { services }) => services.actions.find(integration, name),
  }),
}))

const ActionStatus = builder.enumType('ActionStatus', {
  description: 'What became of an executed action.',
  values: {
    SUCCESS: { description: 'The vendor did it, as far as its answer says.' },
    FAILED: { description: 'The vendor answered with a status of 400 or more, or said in its answer that it failed.' },
  },
})

const ActionResult = builder.objectRef<ActionAnswer>('ActionResult').implement({
  description: 'What became of an action that was sent.',
  fields: t => ({
    status: t.field({
      type: ActionStatus,
      description: 'Whether it succeeded.',
      resolve: ({ succeeded }) => (succeeded ? 'SUCCESS' : 'FAILED'),
    }),
    httpStatus: t.int({
      nullable: true,
      description: 'The vendor’s status.',
      resolve: ({ answer }) => answer.response.status,
    }),
    data: t.field({
      type: 'JSON',
      nullable: true,
      description: 'The vendor’s JSON exactly as sent; null when its answer is empty or not JSON.',
      resolve: ({ answer }) => answer.response.json(),
    }),
    result: t.field({
      type: PassthroughResult,
      nullable: true,
      description: 'The whole answer, as a passthrough gives it.',
      resolve: ({ answer }) => answer,
    }),
  }),
})

builder.mutationField('executeAction', t =>
  t.field({
    type: ActionResult,
    nullable: true,
    description:
      'Runs a named action of the connection’s integration. The input is checked against the action’s schema first: every wrong field is a detail of one `INVALID_INPUT`, and nothing is sent. It takes the same road as a passthrough: rules, limits, retries of safe methods, and a record of the kind `ACTION`. Scope: passthrough:write, or passthrough:read for an action with a safe method.',
    args: {
      ...selectorArgs(),
      action: t.arg.string({ required: true, description: 'Its name, for example `create_contact`.' }),
      input: t.arg({
        type: 'JSONObject',
        description: 'The fields of its input, flat. A null for a field that takes none counts as left out.',
      }),
      idempotencyKey: t.arg.string({
        description:
          'As in `PassthroughOptions`: the same key with the same request gives the stored answer for 24 hours.',
      }),
    },
    resolve: (_root, args, { services, operation }) => executeAction(services, operation(), args, args),
  }),
)
