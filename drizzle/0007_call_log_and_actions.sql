CREATE TABLE "call_bodies" (
	"workspace_id" uuid NOT NULL,
	"call_id" uuid NOT NULL,
	"sealed" "bytea" NOT NULL,
	"expires_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "call_bodies_workspace_id_call_id_pk" PRIMARY KEY("workspace_id","call_id")
);
--> statement-breakpoint
CREATE TABLE "call_hours" (
	"workspace_id" uuid NOT NULL,
	"hour" timestamp (3) with time zone NOT NULL,
	"integration" text COLLATE "C" NOT NULL,
	"calls" bigint NOT NULL,
	"failures" bigint NOT NULL,
	"bytes_sent" bigint NOT NULL,
	"bytes_received" bigint NOT NULL,
	"durations" bigint[] NOT NULL,
	CONSTRAINT "call_hours_workspace_id_hour_integration_pk" PRIMARY KEY("workspace_id","hour","integration")
);
--> statement-breakpoint
CREATE TABLE "connection_call_hours" (
	"workspace_id" uuid NOT NULL,
	"hour" timestamp (3) with time zone NOT NULL,
	"integration" text COLLATE "C" NOT NULL,
	"calls" bigint NOT NULL,
	"failures" bigint NOT NULL,
	"bytes_sent" bigint NOT NULL,
	"bytes_received" bigint NOT NULL,
	"durations" bigint[] NOT NULL,
	"connection_id" uuid NOT NULL,
	CONSTRAINT "connection_call_hours_workspace_id_connection_id_hour_pk" PRIMARY KEY("workspace_id","connection_id","hour")
);
--> statement-breakpoint
CREATE TABLE "connection_counts" (
	"workspace_id" uuid NOT NULL,
	"integration" text COLLATE "C" NOT NULL,
	"status" text COLLATE "C" NOT NULL,
	"shard" integer NOT NULL,
	"count" bigint NOT NULL,
	CONSTRAINT "connection_counts_workspace_id_integration_status_shard_pk" PRIMARY KEY("workspace_id","integration","status","shard")
);
--> statement-breakpoint
CREATE TABLE "imported_actions" (
	"workspace_id" uuid NOT NULL,
	"integration" text COLLATE "C" NOT NULL,
	"name" text COLLATE "C" NOT NULL,
	"document" text COLLATE "C" NOT NULL,
	"description" text NOT NULL,
	"method" text NOT NULL,
	"path" text NOT NULL,
	"deprecated" boolean NOT NULL,
	"definition" jsonb NOT NULL,
	CONSTRAINT "imported_actions_workspace_id_integration_name_pk" PRIMARY KEY("workspace_id","integration","name")
);
--> statement-breakpoint
CREATE TABLE "openapi_imports" (
	"workspace_id" uuid NOT NULL,
	"integration" text COLLATE "C" NOT NULL,
	"name" text COLLATE "C" NOT NULL,
	"title" text NOT NULL,
	"version" text NOT NULL,
	"source_url" text,
	"hash" text NOT NULL,
	"taken" integer NOT NULL,
	"skipped" jsonb NOT NULL,
	"imported_at" timestamp (3) with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "openapi_imports_workspace_id_integration_name_pk" PRIMARY KEY("workspace_id","integration","name")
);--> statement-breakpoint
ALTER TABLE "workspaces" ADD COLUMN "call_retention" jsonb;--> statement-breakpoint
ALTER TABLE "imported_actions" ADD CONSTRAINT "imported_actions_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "imported_actions" ADD CONSTRAINT "imported_actions_import" FOREIGN KEY ("workspace_id","integration","document") REFERENCES "public"."openapi_imports"("workspace_id","integration","name") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
ALTER TABLE "openapi_imports" ADD CONSTRAINT "openapi_imports_workspace_id_workspaces_id_fk" FOREIGN KEY ("workspace_id") REFERENCES "public"."workspaces"("id") ON DELETE no action ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "call_bodies_expired" ON "call_bodies" USING btree ("expires_at");--> statement-breakpoint
CREATE INDEX "call_hours_integration" ON "call_hours" USING btree ("workspace_id","integration","hour");--> statement-breakpoint
CREATE INDEX "connection_call_hours_hour" ON "connection_call_hours" USING btree ("workspace_id","hour");--> statement-breakpoint
CREATE INDEX "imported_actions_document" ON "imported_actions" USING btree ("workspace_id","integration","document");
--> statement-breakpoint
-- A table becomes a partitioned one only by being made anew. Days get partitions of their own while the gateway runs; what
-- fits none is in the default one.
ALTER TABLE "calls" RENAME TO "calls_before";--> statement-breakpoint
ALTER TABLE "calls_before" RENAME CONSTRAINT "calls_workspace_id_id_pk" TO "calls_before_pk";--> statement-breakpoint
DROP INDEX "calls_started", "calls_connection", "calls_integration", "calls_end_user";--> statement-breakpoint
CREATE TABLE "calls" (
	"workspace_id" uuid NOT NULL,
	"id" uuid NOT NULL,
	"connection_id" uuid NOT NULL,
	"integration" text COLLATE "C" NOT NULL,
	"end_user_id" text COLLATE "C" NOT NULL,
	"caller_id" text COLLATE "C" NOT NULL,
	"kind" text NOT NULL,
	"action" text COLLATE "C",
	"method" text NOT NULL,
	"path" text COLLATE "C" NOT NULL,
	"status" integer,
	"error_code" text,
	"bytes_sent" bigint NOT NULL,
	"bytes_received" bigint NOT NULL,
	"attempts" integer NOT NULL,
	"attempt_log" jsonb,
	"duration_ms" double precision NOT NULL,
	"request_id" text,
	"sealed_request" "bytea",
	"started_at" timestamp (3) with time zone NOT NULL,
	CONSTRAINT "calls_workspace_id_id_started_at_pk" PRIMARY KEY("workspace_id","id","started_at")
) PARTITION BY RANGE ("started_at");
--> statement-breakpoint
CREATE TABLE "calls_default" PARTITION OF "calls" DEFAULT;--> statement-breakpoint
CREATE INDEX "calls_started" ON "calls" USING btree ("workspace_id","started_at","id");--> statement-breakpoint
CREATE INDEX "calls_connection" ON "calls" USING btree ("workspace_id","connection_id","started_at","id");--> statement-breakpoint
CREATE INDEX "calls_integration" ON "calls" USING btree ("workspace_id","integration","started_at","id");--> statement-breakpoint
CREATE INDEX "calls_end_user" ON "calls" USING btree ("workspace_id","end_user_id","started_at","id");--> statement-breakpoint
CREATE INDEX "calls_caller" ON "calls" USING btree ("workspace_id","caller_id","started_at","id");--> statement-breakpoint
CREATE INDEX "calls_path" ON "calls" USING btree ("workspace_id",left("path", 256),"started_at","id");--> statement-breakpoint
CREATE INDEX "calls_failed" ON "calls" USING btree ("workspace_id","started_at","id") WHERE "calls"."status" >= 400 or "calls"."status" is null;--> statement-breakpoint
-- Durations are counted in 64 classes, each a quarter longer than the one before: 0 is up to 1 ms, 63 all above 17 minutes.
-- An array of counts begins at its lowest class and ends at its highest: most connections have few.
CREATE FUNCTION "duration_class"("ms" double precision) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
	SELECT CASE WHEN "ms" <= 1 THEN 0 ELSE least(63, ceil(ln("ms") / ln(1.25::double precision)))::integer END
$$;--> statement-breakpoint
CREATE FUNCTION "add_counts"("a" bigint[], "b" bigint[]) RETURNS bigint[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
	FOR "class" IN coalesce(array_lower("b", 1), 0) .. coalesce(array_upper("b", 1), -1) LOOP
		IF "b"["class"] IS NOT NULL THEN
			"a"["class"] := coalesce("a"["class"], 0) + "b"["class"];
		END IF;
	END LOOP;
	RETURN "a";
END
$$;--> statement-breakpoint
CREATE FUNCTION "count_class"("a" bigint[], "class" integer) RETURNS bigint[] LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
	"a"["class"] := coalesce("a"["class"], 0) + 1;
	RETURN "a";
END
$$;--> statement-breakpoint
CREATE AGGREGATE "sum_counts"(bigint[]) (SFUNC = "add_counts", STYPE = bigint[], INITCOND = '{}', COMBINEFUNC = "add_counts", PARALLEL = SAFE);--> statement-breakpoint
CREATE AGGREGATE "count_classes"(integer) (SFUNC = "count_class", STYPE = bigint[], INITCOND = '{}', COMBINEFUNC = "add_counts", PARALLEL = SAFE);--> statement-breakpoint
-- The duration, in milliseconds, that a share of the calls did not exceed: on a straight line through its class.
CREATE FUNCTION "duration_at"("counts" bigint[], "share" double precision) RETURNS double precision LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
	"rank" double precision := "share" * (SELECT sum("count") FROM unnest("counts") AS "count");
	"before" double precision := 0;
	"shortest" double precision;
BEGIN
	FOR "class" IN coalesce(array_lower("counts", 1), 0) .. coalesce(array_upper("counts", 1), -1) LOOP
		CONTINUE WHEN "counts"["class"] IS NULL;
		IF "before" + "counts"["class"] >= "rank" THEN
			"shortest" := CASE "class" WHEN 0 THEN 0 ELSE power(1.25::double precision, "class" - 1) END;
			RETURN "shortest" + (power(1.25::double precision, "class") - "shortest") * ("rank" - "before") / "counts"["class"];
		END IF;
		"before" := "before" + "counts"["class"];
	END LOOP;
	RETURN NULL;
END
$$;--> statement-breakpoint
-- Sums are written again and again: room beside a row lets its next version stay on its page, where no index is touched.
ALTER TABLE "call_hours" SET (fillfactor = 50);--> statement-breakpoint
ALTER TABLE "connection_call_hours" SET (fillfactor = 80);--> statement-breakpoint
-- The days of the calls that are there, as the gateway makes those to come.
DO $$
DECLARE
	"day" date;
BEGIN
	FOR "day" IN SELECT DISTINCT ("started_at" AT TIME ZONE 'UTC')::date FROM "calls_before" WHERE "started_at" > now() - interval '400 days' AND "started_at" < now() + interval '1 day' LOOP
		EXECUTE format('CREATE TABLE %I PARTITION OF "calls" FOR VALUES FROM (%L) TO (%L)', to_char("day", '"calls_"YYYYMMDD'), to_char("day", 'YYYY-MM-DD 00:00+00'), to_char("day" + 1, 'YYYY-MM-DD 00:00+00'));
	END LOOP;
END
$$;--> statement-breakpoint
INSERT INTO "calls" ("workspace_id", "id", "connection_id", "integration", "end_user_id", "caller_id", "kind", "method", "path", "status", "error_code", "bytes_sent", "bytes_received", "attempts", "attempt_log", "duration_ms", "started_at")
	SELECT "workspace_id", "id", "connection_id", "integration", "end_user_id", "caller_id", "kind", "method", "path", "status", "error_code", "bytes_sent", "bytes_received", "attempts", "attempt_log", "duration_ms", "started_at" FROM "calls_before";--> statement-breakpoint
DROP TABLE "calls_before";--> statement-breakpoint
-- Beside its integrations a workspace has the sum of all of them, under no name: the chart that everybody looks at reads one row an hour.
INSERT INTO "call_hours" ("workspace_id", "hour", "integration", "calls", "failures", "bytes_sent", "bytes_received", "durations")
	SELECT "workspace_id", date_trunc('hour', "started_at", 'UTC') AS "hour", coalesce("integration", ''), count(*), count(*) FILTER (WHERE "status" >= 400 OR "status" IS NULL), sum("bytes_sent"), sum("bytes_received"), "count_classes"("duration_class"("duration_ms"))
	FROM "calls" GROUP BY GROUPING SETS (("workspace_id", date_trunc('hour', "started_at", 'UTC'), "integration"), ("workspace_id", date_trunc('hour', "started_at", 'UTC')));--> statement-breakpoint
INSERT INTO "connection_call_hours" ("workspace_id", "connection_id", "hour", "integration", "calls", "failures", "bytes_sent", "bytes_received", "durations")
	SELECT "workspace_id", "connection_id", date_trunc('hour', "started_at", 'UTC'), min("integration"), count(*), count(*) FILTER (WHERE "status" >= 400 OR "status" IS NULL), sum("bytes_sent"), sum("bytes_received"), "count_classes"("duration_class"("duration_ms"))
	FROM "calls" GROUP BY 1, 2, 3;
--> statement-breakpoint
-- Connections are counted where they are written, so that no reader has to. A statement that adds or removes counts once per
-- group, and whoever writes several groups does so in one order; what is spread over eight rows is written by eight at once.
CREATE FUNCTION "count_connections"() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	IF TG_OP = 'UPDATE' THEN
		INSERT INTO "connection_counts" ("workspace_id", "integration", "status", "shard", "count")
			SELECT "workspace_id", "integration", "status", get_byte(uuid_send("id"), 15) & 7, sum("by")
			FROM (VALUES
				(OLD."workspace_id", OLD."integration", OLD."status", OLD."id", -1),
				(NEW."workspace_id", NEW."integration", NEW."status", NEW."id", 1)
			) AS "change" ("workspace_id", "integration", "status", "id", "by") GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
			ON CONFLICT ("workspace_id", "integration", "status", "shard") DO UPDATE SET "count" = "connection_counts"."count" + excluded."count";
	ELSE
		INSERT INTO "connection_counts" ("workspace_id", "integration", "status", "shard", "count")
			SELECT "workspace_id", "integration", "status", get_byte(uuid_send("id"), 15) & 7, count(*) * CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END
			FROM "changed" GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
			ON CONFLICT ("workspace_id", "integration", "status", "shard") DO UPDATE SET "count" = "connection_counts"."count" + excluded."count";
	END IF;
	RETURN NULL;
END
$$;--> statement-breakpoint
CREATE TRIGGER "connections_counted" AFTER INSERT ON "connections" REFERENCING NEW TABLE AS "changed" FOR EACH STATEMENT EXECUTE FUNCTION "count_connections"();--> statement-breakpoint
CREATE TRIGGER "connections_uncounted" AFTER DELETE ON "connections" REFERENCING OLD TABLE AS "changed" FOR EACH STATEMENT EXECUTE FUNCTION "count_connections"();--> statement-breakpoint
CREATE TRIGGER "connections_recounted" AFTER UPDATE OF "workspace_id", "id", "integration", "status" ON "connections" FOR EACH ROW
	WHEN ((OLD."workspace_id", OLD."id", OLD."integration", OLD."status") IS DISTINCT FROM (NEW."workspace_id", NEW."id", NEW."integration", NEW."status"))
	EXECUTE FUNCTION "count_connections"();--> statement-breakpoint
INSERT INTO "connection_counts" ("workspace_id", "integration", "status", "shard", "count")
	SELECT "workspace_id", "integration", "status", get_byte(uuid_send("id"), 15) & 7, count(*) FROM "connections" GROUP BY 1, 2, 3, 4;
