/** The schema builder and every global choice: nullability, ids, pagination, scalars. */
import SchemaBuilder from '@pothos/core'
import RelayPlugin from '@pothos/plugin-relay'
import type { GraphQLContext } from './context.ts'
import { typenameOf } from './ids.ts'
import { dateTimeScalar, jsonObjectScalar, jsonScalar } from './scalars.ts'

interface SchemaTypes {
  Context: GraphQLContext
  DefaultFieldNullability: false
  DefaultEdgesNullability: false
  DefaultNodeNullability: false
  Scalars: {
    ID: { Input: string; Output: string }
    JSON: { Input: unknown; Output: unknown }
    JSONObject: { Input: Record<string, unknown>; Output: object }
    DateTime: { Input: Date; Output: Date }
  }
}

export const builder = new SchemaBuilder<SchemaTypes>({
  plugins: [RelayPlugin],
  defaultFieldNullability: false,
  relay: {
    encodeGlobalID: (_typename, id) => String(id),
    decodeGlobalID: id => ({ typename: typenameOf(id) ?? '', id }),
    cursorType: 'String',
    nodesOnConnection: { description: 'The nodes of the edges, for callers who need no cursors of single rows.' },
    edgesFieldOptions: { nullable: false, description: 'Each node with its cursor.' },
    nodeFieldOptions: { nullable: false, description: 'The thing at this place of the list.' },
    cursorFieldOptions: { description: 'Goes into `after` or `before` to continue here; opaque.' },
    pageInfoFieldOptions: { description: 'Whether and where the list goes on.' },
    pageInfoTypeOptions: { description: 'Whether and where a list goes on (Relay cursor connections).' },
    hasNextPageFieldOptions: { description: 'True when there is more after `endCursor`.' },
    hasPreviousPageFieldOptions: { description: 'True when there is more before `startCursor`.' },
    startCursorFieldOptions: { description: 'The cursor of the first row; null on an empty page.' },
    endCursorFieldOptions: { description: 'The cursor of the last row; null on an empty page.' },
    firstArgOptions: { description: 'How many rows from the start or after `after`; 1 to 100, 20 when absent.' },
    afterArgOptions: { description: 'The cursor to continue after.' },
    lastArgOptions: { description: 'How many rows from the end or before `before`; 1 to 100.' },
    beforeArgOptions: { description: 'The cursor to stop before.' },
    nodeTypeOptions: { description: 'Anything with an id of its own (Relay object identification).' },
    idFieldOptions: {
      description: 'A TypeID: its prefix says what it names, and it is the same in every API of Passgate.',
    },
    defaultConnectionTypeOptions: { description: 'One page of a list (Relay cursor connections).' },
    defaultEdgeTypeOptions: { description: 'One row of a page and its cursor.' },
    nodeQueryOptions: {
      args: { id: { description: 'A TypeID of any kind: `conn_…`, `int_…`, `key_…`, `call_…`.' } },
      description: 'The thing with this id, or null when the workspace has none. Scope: that of the thing’s own list.',
      nullable: true,
      resolve: (_root, { id }, _context, _info, load) => (id.typename === '' ? null : load(id)),
    },
    nodesQueryOptions: false,
  },
})

builder.addScalarType('JSON', jsonScalar)
builder.addScalarType('JSONObject', jsonObjectScalar)
builder.addScalarType('DateTime', dateTimeScalar)

builder.queryType({ description: 'Reads. They run in parallel and change nothing, here or upstream.' })
builder.mutationType({ description: 'Writes. They run in order, one after the other.' })
