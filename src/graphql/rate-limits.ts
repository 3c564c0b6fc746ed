/** Limits: the quotas that a workspace sets, and what a vendor has left. */
import type { Quota as QuotaFacts } from '../limits/quota.ts'
import type { VendorBudget } from '../limits/vendor-headers.ts'
import { builder } from './builder.ts'

export const Quota = builder.objectRef<QuotaFacts>('Quota').implement({
  description: 'A limit that the workspace set. Calls beyond it wait within their time, else they are `RATE_LIMITED`.',
  fields: t => ({
    requests: t.exposeInt('requests', { description: 'How many requests.' }),
    perSeconds: t.exposeInt('perSeconds', { description: 'In how many seconds.' }),
  }),
})

export const RateLimit = builder.objectRef<VendorBudget>('RateLimit').implement({
  description: 'What a vendor’s answers say of its own limit for an account.',
  fields: t => ({
    limit: t.exposeInt('limit', {
      nullable: true,
      description: 'Calls per window; null when the vendor does not say.',
    }),
    remaining: t.exposeInt('remaining', { description: 'Calls left in the window, as of the last answer.' }),
    resetsAt: t.expose('resetsAt', {
      type: 'DateTime',
      nullable: true,
      description: 'When the window ends; null when the vendor does not say.',
    }),
  }),
})

export const QuotaInput = builder.inputType('QuotaInput', {
  description: 'At most so many requests in so many seconds.',
  fields: t => ({
    requests: t.int({ required: true, description: '1 to 1,000,000.' }),
    perSeconds: t.int({ required: true, description: '1 to 86,400.' }),
  }),
})
