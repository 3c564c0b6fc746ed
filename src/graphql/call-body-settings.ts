/** What an integration's calls leave of their bodies in the call log: as it is set and as it is shown. */
import { type CallBodySettings as CallBodyFacts, maxKeptBytes } from '../connections/call-body-settings.ts'
import { builder } from './builder.ts'

export const CallBodySettings = builder.objectRef<CallBodyFacts>('CallBodySettings').implement({
  description: 'What the call log keeps of requests and answers.',
  fields: t => ({
    maxBytes: t.exposeInt('maxBytes', { description: 'Of each body; the rest is cut off.' }),
    retentionDays: t.exposeInt('retentionDays', { description: 'How long; no longer than the call itself.' }),
    redact: t.stringList({
      description: 'Headers by name, and values of JSON bodies by path, that are not kept.',
      resolve: ({ redact }) => [...redact],
    }),
  }),
})

export const CallBodySettingsInput = builder.inputType('CallBodySettingsInput', {
  description: 'Keeps requests and answers of an integration’s calls, sealed.',
  fields: t => ({
    maxBytes: t.int({
      required: true,
      description: `Of each body; 1 to ${maxKeptBytes}. What is beyond is cut off.`,
    }),
    retentionDays: t.int({ required: true, description: '1 to 30; no longer than the call itself is kept.' }),
    redact: t.stringList({
      description:
        'What is not kept, at most 50 rules: header names, and JSONPaths of names, indexes and `[*]` (`$.user.email`, `$.data[*].email`; never `..`) into JSON bodies of both ways. With a path, bodies that are no JSON or too long are not kept at all, nor are those with more than 200,000 values on the paths. Credentials, cookies and what looks like them are never kept.',
    }),
  }),
})
