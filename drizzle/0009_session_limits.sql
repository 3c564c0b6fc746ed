ALTER TABLE "sessions" ADD COLUMN "held_calls" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "held_until" timestamp (3) with time zone;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "quota" jsonb;--> statement-breakpoint
ALTER TABLE "sessions" ADD COLUMN "max_concurrency" integer;