/** Rules as callers write and read them. */
import type { Rule as RuleFacts } from '../access/rules.ts'
import { builder } from './builder.ts'

export const RuleEffect = builder.enumType('RuleEffect', {
  description: 'What a rule does with a request that it fits.',
  values: {
    ALLOW: { description: 'Lets it go; where one rule allows, what no rule allows is denied.' },
    DENY: { description: 'Stops it, whatever else allows it.' },
  },
})

const meanings = {
  name: 'What a refusal calls it.',
  integrations: 'Slugs; any when absent.',
  connections: 'Connection ids; any when absent.',
  endUsers: 'End users; any when absent.',
  methods:
    'Methods such as GET; any when absent. Whatever overrides the method counts too: headers such as x-http-method-override, and `_method` in the query or the body.',
  paths:
    'Patterns for the path below the base URL, in URLPattern’s syntax without regular expressions: `/contacts*`, `/contacts/:id`. Any when absent. Every way in which a vendor may read the path has to fit, decoded or with doubled slashes; a request to another place than below the base URL fits none that is allowed, and one that is denied from any slash on. Where paths are named, no path passes that is no UTF-8 or hides dot segments, and no header that names another path.',
} as const

export const RuleInput = builder.inputType('RuleInput', {
  description: 'What may be called, or may not. All given conditions hold together.',
  fields: t => ({
    effect: t.field({ type: RuleEffect, required: true, description: 'Allow or deny.' }),
    name: t.string({ description: meanings.name }),
    integrations: t.stringList({ description: meanings.integrations }),
    connections: t.idList({ description: meanings.connections }),
    endUsers: t.stringList({ description: meanings.endUsers }),
    methods: t.stringList({ description: meanings.methods }),
    paths: t.stringList({ description: meanings.paths }),
  }),
})

export const Rule = builder.objectRef<RuleFacts>('Rule').implement({
  description: 'What may be called, or may not.',
  fields: t => ({
    effect: t.expose('effect', { type: RuleEffect, description: 'Allow or deny.' }),
    name: t.exposeString('name', { nullable: true, description: meanings.name }),
    integrations: t.stringList({
      nullable: true,
      description: meanings.integrations,
      resolve: ({ integrations }) => integrations && [...integrations],
    }),
    connections: t.idList({
      nullable: true,
      description: meanings.connections,
      resolve: ({ connections }) => connections && [...connections],
    }),
    endUsers: t.stringList({
      nullable: true,
      description: meanings.endUsers,
      resolve: ({ endUsers }) => endUsers && [...endUsers],
    }),
    methods: t.stringList({
      nullable: true,
      description: meanings.methods,
      resolve: ({ methods }) => methods && [...methods],
    }),
    paths: t.stringList({ nullable: true, description: meanings.paths, resolve: ({ paths }) => paths && [...paths] }),
  }),
})

/** GraphQL's null is absence here. */
export function rulesOf(input: readonly (typeof RuleInput.$inferInput)[] | null | undefined): RuleFacts[] | undefined {
  return input?.map(
    rule => Object.fromEntries(Object.entries(rule).filter(([, value]) => value != null)) as unknown as RuleFacts,
  )
}
