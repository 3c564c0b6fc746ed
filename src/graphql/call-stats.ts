/** Figures of calls: how many, how many failed, how much and how fast, by time, integration or connection. */
import { type CallStatsQuery, planStats } from '../calls/stats.ts'
import type { CallBucket, CallFigures } from '../store/call-hours.ts'
import { builder } from './builder.ts'
import { ConnectionType } from './connections.ts'
import { IntegrationType } from './integrations.ts'

const accuracy =
  'Durations are counted in classes, each a quarter longer than the one before; inside one it is a straight line.'

const Figures = builder.interfaceRef<CallFigures>('CallFigures').implement({
  description: 'What a number of calls have in common.',
  fields: t => ({
    calls: t.exposeFloat('calls', { description: 'How many calls.' }),
    failures: t.exposeFloat('failures', {
      description:
        'With an error code, or with an answer of 400 and more; a call that its caller did not wait for is neither.',
    }),
    errorRate: t.float({
      nullable: true,
      description: 'Failures per call, 0 to 1; null when there are none.',
      resolve: ({ calls, failures }) => (calls === 0 ? null : failures / calls),
    }),
    bytesSent: t.exposeFloat('bytesSent', { description: 'Bytes of the requests’ bodies.' }),
    bytesReceived: t.exposeFloat('bytesReceived', { description: 'Bytes of the answers’ bodies.' }),
    p50Ms: t.exposeFloat('p50Ms', {
      nullable: true,
      description: `Milliseconds that half of the calls took at most; null when there are none. ${accuracy}`,
    }),
    p95Ms: t.exposeFloat('p95Ms', { nullable: true, description: `The same for 95 of 100. ${accuracy}` }),
    p99Ms: t.exposeFloat('p99Ms', { nullable: true, description: `The same for 99 of 100. ${accuracy}` }),
  }),
})

const Total = builder.objectRef<CallFigures>('CallTotal').implement({
  description: 'All calls of the range together.',
  interfaces: [Figures],
})

const Bucket = builder.objectRef<CallBucket>('CallBucket').implement({
  description: 'The calls of one period and one group.',
  interfaces: [Figures],
  fields: t => ({
    startsAt: t.expose('startsAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the period begins, in UTC; null when the time is not divided.',
    }),
    integrationSlug: t.exposeString('integration', {
      nullable: true,
      description: 'The integration by its slug; null when the calls are not grouped.',
    }),
    integration: t.field({
      type: IntegrationType,
      nullable: true,
      description: 'The integration; null when the calls are not grouped, or the workspace no longer has it.',
      resolve: ({ integration }, _args, { operation }) =>
        integration === null ? null : operation().lookups.integration(integration),
    }),
    connectionId: t.exposeID('connectionId', {
      nullable: true,
      description: 'The connection; null when the calls are not grouped by it.',
    }),
    connection: t.field({
      type: ConnectionType,
      nullable: true,
      description: 'The connection; null when the calls are not grouped by it, or it was deleted since.',
      resolve: ({ connectionId }, _args, { operation }) =>
        connectionId === null ? null : operation().lookups.connection(connectionId),
    }),
  }),
})

const CallStats = builder.objectRef<CallStatsQuery>('CallStats').implement({
  description: 'Figures of calls, from sums that are made with their records.',
  fields: t => ({
    since: t.field({
      type: 'DateTime',
      description: 'From when it counts: the full hour before what was asked for.',
      resolve: ({ span }) => span.since,
    }),
    until: t.field({
      type: 'DateTime',
      description: 'Until when: the full hour after what was asked for.',
      resolve: ({ span }) => span.until,
    }),
    total: t.field({
      type: Total,
      description: 'Everything in the range, also what is in no group that is shown.',
      resolve: ({ span }, _args, { services }) => services.callHours.total(span),
    }),
    buckets: t.field({
      type: [Bucket],
      description:
        'Oldest first, and in each period the group with the most calls first. A period or group without calls has none.',
      resolve: ({ span, division }, _args, { services }) => services.callHours.buckets(span, division),
    }),
  }),
})

const CallStatsFilter = builder.inputType('CallStatsFilter', {
  description: 'Which calls are counted: what the sums of whole hours can tell.',
  fields: t => ({
    since: t.field({
      type: 'DateTime',
      description: 'From then on, 400 days before the end at most; a day before the end when absent.',
    }),
    until: t.field({ type: 'DateTime', description: 'Until then; now when absent.' }),
    integration: t.string({ description: 'Only of the integration with this slug.' }),
    connectionId: t.id({ description: 'Only of this connection.' }),
  }),
})

const CallStatsPeriod = builder.enumType('CallStatsPeriod', {
  description: 'How the time is divided, in UTC.',
  values: { HOUR: { description: 'Full hours.' }, DAY: { description: 'Days.' } },
})

const CallStatsGroup = builder.enumType('CallStatsGroup', {
  description: 'What the calls are grouped by.',
  values: {
    INTEGRATION: { description: 'The integration.' },
    CONNECTION: { description: 'The connection: over seven days at most, since each has sums of its own.' },
  },
})

builder.queryField('callStats', t =>
  t.field({
    type: CallStats,
    description:
      'Figures of executed calls in full hours, up to the last second. An answer has 1,000 buckets at most. Sums of integrations are kept for 400 days, those of connections as long as the calls. Scope: calls:read.',
    args: {
      filter: t.arg({ type: CallStatsFilter, description: 'Which calls.' }),
      per: t.arg({ type: CallStatsPeriod, description: 'Divides the time; all of it is one period when absent.' }),
      groupBy: t.arg({ type: CallStatsGroup, description: 'Groups the calls; all of them are one when absent.' }),
      limit: t.arg.int({
        required: true,
        defaultValue: 20,
        description: 'How many groups: those with the most calls in the whole range.',
      }),
    },
    resolve: (_root, { filter, per, groupBy, limit }, context) => {
      const { workspaceId } = context.authorize('calls:read')
      return planStats(workspaceId, filter ?? {}, { per: per ?? undefined, groupBy: groupBy ?? undefined, limit })
    },
  }),
)
