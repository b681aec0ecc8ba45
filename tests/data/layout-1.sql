CREATE TYPE public.studydirection AS ENUM (
    'NOT_SET',
    'MINIMIZE',
    'MAXIMIZE'
);
CREATE TYPE public.trialintermediatevaluetype AS ENUM (
    'FINITE',
    'INF_POS',
    'INF_NEG',
    'NAN'
);
CREATE TYPE public.trialstate AS ENUM (
    'RUNNING',
    'COMPLETE',
    'PRUNED',
    'FAIL',
    'WAITING'
);
CREATE TYPE public.trialvaluetype AS ENUM (
    'FINITE',
    'INF_POS',
    'INF_NEG'
);
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.hpsearch_blobs (
    trial_id integer NOT NULL,
    kind character varying(32) NOT NULL,
    study_id integer NOT NULL,
    sha256 character varying(64) NOT NULL,
    content bytea NOT NULL
);
CREATE TABLE public.hpsearch_events (
    id integer NOT NULL,
    study_id integer NOT NULL,
    trial_id integer,
    at timestamp with time zone NOT NULL,
    kind character varying(32) NOT NULL,
    worker character varying(128),
    detail text
);
CREATE SEQUENCE public.hpsearch_events_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.hpsearch_events_id_seq OWNED BY public.hpsearch_events.id;
CREATE TABLE public.hpsearch_layout (
    version integer NOT NULL
);
CREATE SEQUENCE public.hpsearch_layout_version_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.hpsearch_layout_version_seq OWNED BY public.hpsearch_layout.version;
CREATE TABLE public.hpsearch_leases (
    trial_id integer NOT NULL,
    study_id integer NOT NULL,
    token character varying(32),
    worker character varying(128),
    expires_at timestamp with time zone,
    attempts integer NOT NULL,
    deaths integer NOT NULL,
    device character varying(128),
    epoch integer,
    validation_accuracy double precision
);
CREATE TABLE public.hpsearch_test_scores (
    id integer NOT NULL,
    trial_id integer NOT NULL,
    study_id integer NOT NULL,
    opened_at timestamp with time zone NOT NULL,
    accuracy double precision NOT NULL,
    loss double precision NOT NULL,
    images integer NOT NULL
);
CREATE SEQUENCE public.hpsearch_test_scores_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.hpsearch_test_scores_id_seq OWNED BY public.hpsearch_test_scores.id;
CREATE TABLE public.studies (
    study_id integer NOT NULL,
    study_name character varying(512) NOT NULL
);
CREATE SEQUENCE public.studies_study_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.studies_study_id_seq OWNED BY public.studies.study_id;
CREATE TABLE public.study_directions (
    study_direction_id integer NOT NULL,
    direction public.studydirection NOT NULL,
    study_id integer NOT NULL,
    objective integer NOT NULL
);
CREATE SEQUENCE public.study_directions_study_direction_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.study_directions_study_direction_id_seq OWNED BY public.study_directions.study_direction_id;
CREATE TABLE public.study_system_attributes (
    study_system_attribute_id integer NOT NULL,
    study_id integer,
    key character varying(512),
    value_json text
);
CREATE SEQUENCE public.study_system_attributes_study_system_attribute_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.study_system_attributes_study_system_attribute_id_seq OWNED BY public.study_system_attributes.study_system_attribute_id;
CREATE TABLE public.study_user_attributes (
    study_user_attribute_id integer NOT NULL,
    study_id integer,
    key character varying(512),
    value_json text
);
CREATE SEQUENCE public.study_user_attributes_study_user_attribute_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.study_user_attributes_study_user_attribute_id_seq OWNED BY public.study_user_attributes.study_user_attribute_id;
CREATE TABLE public.trial_heartbeats (
    trial_heartbeat_id integer NOT NULL,
    trial_id integer NOT NULL,
    heartbeat timestamp without time zone NOT NULL
);
CREATE SEQUENCE public.trial_heartbeats_trial_heartbeat_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.trial_heartbeats_trial_heartbeat_id_seq OWNED BY public.trial_heartbeats.trial_heartbeat_id;
CREATE TABLE public.trial_intermediate_values (
    trial_intermediate_value_id integer NOT NULL,
    trial_id integer NOT NULL,
    step integer NOT NULL,
    intermediate_value double precision,
    intermediate_value_type public.trialintermediatevaluetype NOT NULL
);
CREATE SEQUENCE public.trial_intermediate_values_trial_intermediate_value_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.trial_intermediate_values_trial_intermediate_value_id_seq OWNED BY public.trial_intermediate_values.trial_intermediate_value_id;
CREATE TABLE public.trial_params (
    param_id integer NOT NULL,
    trial_id integer,
    param_name character varying(512),
    param_value double precision,
    distribution_json text
);
CREATE SEQUENCE public.trial_params_param_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.trial_params_param_id_seq OWNED BY public.trial_params.param_id;
CREATE TABLE public.trial_system_attributes (
    trial_system_attribute_id integer NOT NULL,
    trial_id integer,
    key character varying(512),
    value_json text
);
CREATE SEQUENCE public.trial_system_attributes_trial_system_attribute_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.trial_system_attributes_trial_system_attribute_id_seq OWNED BY public.trial_system_attributes.trial_system_attribute_id;
CREATE TABLE public.trial_user_attributes (
    trial_user_attribute_id integer NOT NULL,
    trial_id integer,
    key character varying(512),
    value_json text
);
CREATE SEQUENCE public.trial_user_attributes_trial_user_attribute_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.trial_user_attributes_trial_user_attribute_id_seq OWNED BY public.trial_user_attributes.trial_user_attribute_id;
CREATE TABLE public.trial_values (
    trial_value_id integer NOT NULL,
    trial_id integer NOT NULL,
    objective integer NOT NULL,
    value double precision,
    value_type public.trialvaluetype NOT NULL
);
CREATE SEQUENCE public.trial_values_trial_value_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.trial_values_trial_value_id_seq OWNED BY public.trial_values.trial_value_id;
CREATE TABLE public.trials (
    trial_id integer NOT NULL,
    number integer,
    study_id integer,
    state public.trialstate NOT NULL,
    datetime_start timestamp without time zone,
    datetime_complete timestamp without time zone
);
CREATE SEQUENCE public.trials_trial_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.trials_trial_id_seq OWNED BY public.trials.trial_id;
CREATE TABLE public.version_info (
    version_info_id integer NOT NULL,
    schema_version integer,
    library_version character varying(256),
    CONSTRAINT version_info_version_info_id_check CHECK ((version_info_id = 1))
);
ALTER TABLE ONLY public.hpsearch_events ALTER COLUMN id SET DEFAULT nextval('public.hpsearch_events_id_seq'::regclass);
ALTER TABLE ONLY public.hpsearch_layout ALTER COLUMN version SET DEFAULT nextval('public.hpsearch_layout_version_seq'::regclass);
ALTER TABLE ONLY public.hpsearch_test_scores ALTER COLUMN id SET DEFAULT nextval('public.hpsearch_test_scores_id_seq'::regclass);
ALTER TABLE ONLY public.studies ALTER COLUMN study_id SET DEFAULT nextval('public.studies_study_id_seq'::regclass);
ALTER TABLE ONLY public.study_directions ALTER COLUMN study_direction_id SET DEFAULT nextval('public.study_directions_study_direction_id_seq'::regclass);
ALTER TABLE ONLY public.study_system_attributes ALTER COLUMN study_system_attribute_id SET DEFAULT nextval('public.study_system_attributes_study_system_attribute_id_seq'::regclass);
ALTER TABLE ONLY public.study_user_attributes ALTER COLUMN study_user_attribute_id SET DEFAULT nextval('public.study_user_attributes_study_user_attribute_id_seq'::regclass);
ALTER TABLE ONLY public.trial_heartbeats ALTER COLUMN trial_heartbeat_id SET DEFAULT nextval('public.trial_heartbeats_trial_heartbeat_id_seq'::regclass);
ALTER TABLE ONLY public.trial_intermediate_values ALTER COLUMN trial_intermediate_value_id SET DEFAULT nextval('public.trial_intermediate_values_trial_intermediate_value_id_seq'::regclass);
ALTER TABLE ONLY public.trial_params ALTER COLUMN param_id SET DEFAULT nextval('public.trial_params_param_id_seq'::regclass);
ALTER TABLE ONLY public.trial_system_attributes ALTER COLUMN trial_system_attribute_id SET DEFAULT nextval('public.trial_system_attributes_trial_system_attribute_id_seq'::regclass);
ALTER TABLE ONLY public.trial_user_attributes ALTER COLUMN trial_user_attribute_id SET DEFAULT nextval('public.trial_user_attributes_trial_user_attribute_id_seq'::regclass);
ALTER TABLE ONLY public.trial_values ALTER COLUMN trial_value_id SET DEFAULT nextval('public.trial_values_trial_value_id_seq'::regclass);
ALTER TABLE ONLY public.trials ALTER COLUMN trial_id SET DEFAULT nextval('public.trials_trial_id_seq'::regclass);
INSERT INTO public.alembic_version VALUES ('v3.2.0.a');
INSERT INTO public.hpsearch_blobs VALUES (1, 'weights', 1, 'f38329d231164082b94f28edf29bff349b44403e09fc4057d65b31051f4ae6b5', '\x7468652077656967687473');
INSERT INTO public.hpsearch_blobs VALUES (2, 'weights', 1, 'f38329d231164082b94f28edf29bff349b44403e09fc4057d65b31051f4ae6b5', '\x7468652077656967687473');
INSERT INTO public.hpsearch_events VALUES (1, 1, 1, '2026-11-21 12:20:37.297849+00', 'claimed', 'worker', NULL);
INSERT INTO public.hpsearch_events VALUES (2, 1, 1, '2026-11-21 12:20:37.358299+00', 'complete', 'worker', NULL);
INSERT INTO public.hpsearch_events VALUES (3, 1, 2, '2026-11-21 12:20:37.373684+00', 'claimed', 'worker', NULL);
INSERT INTO public.hpsearch_events VALUES (4, 1, 2, '2026-11-21 12:20:37.413442+00', 'complete', 'worker', NULL);
INSERT INTO public.hpsearch_layout VALUES (1);
INSERT INTO public.hpsearch_leases VALUES (1, 1, NULL, 'worker', NULL, 1, 0, 'cpu', 2, 0.75);
INSERT INTO public.hpsearch_leases VALUES (2, 1, NULL, 'worker', NULL, 1, 0, 'cpu', 2, 0.375);
INSERT INTO public.studies VALUES (1, 'study');
INSERT INTO public.study_directions VALUES (1, 'MAXIMIZE', 1, 0);
INSERT INTO public.study_user_attributes VALUES (1, 1, 'hpsearch:spec', '{"version": 1, "dataset": "tiny", "arch": "fcn", "budget": 2000, "trials": 4, "epochs": 3, "seed": 0, "sampler": "random", "pruner": "none", "validation_fraction": 0.1, "space": {"distributions": {"depth": {"kind": "int", "low": 1, "high": 4, "log": false}, "width_ratio_2": {"kind": "float", "low": 0.5, "high": 2.0, "log": true}, "width_ratio_3": {"kind": "float", "low": 0.5, "high": 2.0, "log": true}, "width_ratio_4": {"kind": "float", "low": 0.5, "high": 2.0, "log": true}, "width_ratio_5": {"kind": "choices", "values": [1.0]}, "width_ratio_6": {"kind": "choices", "values": [1.0]}, "activation": {"kind": "choices", "values": ["relu", "leaky_relu", "gelu", "silu"]}, "batch_norm": {"kind": "choices", "values": [true, false]}, "optimizer": {"kind": "choices", "values": ["adamw", "adam"]}, "lr": {"kind": "float", "low": 0.001, "high": 0.03, "log": true}, "batch_size": {"kind": "choices", "values": [128, 256]}, "weight_decay": {"kind": "float", "low": 1e-05, "high": 0.01, "log": true}, "label_smoothing": {"kind": "float", "low": 0.0, "high": 0.1, "log": false}, "dropout": {"kind": "float", "low": 0.0, "high": 0.3, "log": false}, "input_dropout": {"kind": "float", "low": 0.0, "high": 0.3, "log": false}, "initialization": {"kind": "choices", "values": ["default", "xavier_uniform", "kaiming_uniform", "kaiming_normal"]}, "augmentation": {"kind": "choices", "values": ["none", "shift"]}, "augmentation_strength": {"kind": "choices", "values": [0.3]}, "momentum": {"kind": "choices", "values": [0.9]}, "nesterov": {"kind": "choices", "values": [true]}, "schedule": {"kind": "choices", "values": ["one_cycle"]}, "l1": {"kind": "choices", "values": [0.0]}, "averaging": {"kind": "choices", "values": ["none"]}}}}');
INSERT INTO public.study_user_attributes VALUES (2, 1, 'hpsearch:dataset', '{"name": "tiny", "sha256": "0000000000000000000000000000000000000000000000000000000000000000", "input_shape": [1, 8, 8], "class_names": ["a", "b", "c"], "train_count": 100, "test_count": 20}');
INSERT INTO public.study_user_attributes VALUES (3, 1, 'hpsearch:fingerprint', '"f154b898d6c989d35dd79bb5b1f7ef8044e233ad1fa4bcbec20111f0153f7fb1"');
INSERT INTO public.study_user_attributes VALUES (4, 1, 'hpsearch:space', '{"distributions": {"depth": {"kind": "int", "low": 2, "high": 4, "log": false}, "width_ratio_2": {"kind": "float", "low": 0.5, "high": 2.0, "log": true}, "width_ratio_3": {"kind": "float", "low": 0.5, "high": 2.0, "log": true}, "width_ratio_4": {"kind": "float", "low": 0.5, "high": 2.0, "log": true}, "width_ratio_5": {"kind": "choices", "values": [1.0]}, "width_ratio_6": {"kind": "choices", "values": [1.0]}, "activation": {"kind": "choices", "values": ["relu", "leaky_relu", "gelu", "silu"]}, "batch_norm": {"kind": "choices", "values": [true, false]}, "optimizer": {"kind": "choices", "values": ["adamw", "adam"]}, "lr": {"kind": "float", "low": 0.001, "high": 0.03, "log": true}, "batch_size": {"kind": "choices", "values": [128, 256]}, "weight_decay": {"kind": "float", "low": 1e-05, "high": 0.01, "log": true}, "label_smoothing": {"kind": "float", "low": 0.0, "high": 0.1, "log": false}, "dropout": {"kind": "float", "low": 0.0, "high": 0.3, "log": false}, "input_dropout": {"kind": "float", "low": 0.0, "high": 0.3, "log": false}, "initialization": {"kind": "choices", "values": ["default", "xavier_uniform", "kaiming_uniform", "kaiming_normal"]}, "augmentation": {"kind": "choices", "values": ["none", "shift"]}, "augmentation_strength": {"kind": "choices", "values": [0.3]}, "momentum": {"kind": "choices", "values": [0.9]}, "nesterov": {"kind": "choices", "values": [true]}, "schedule": {"kind": "choices", "values": ["one_cycle"]}, "l1": {"kind": "choices", "values": [0.0]}, "averaging": {"kind": "choices", "values": ["none"]}}}');
INSERT INTO public.trial_intermediate_values VALUES (1, 1, 0, 0.25, 'FINITE');
INSERT INTO public.trial_intermediate_values VALUES (2, 1, 1, 0.5, 'FINITE');
INSERT INTO public.trial_intermediate_values VALUES (3, 1, 2, 0.75, 'FINITE');
INSERT INTO public.trial_intermediate_values VALUES (4, 2, 0, 0.125, 'FINITE');
INSERT INTO public.trial_intermediate_values VALUES (5, 2, 1, 0.25, 'FINITE');
INSERT INTO public.trial_intermediate_values VALUES (6, 2, 2, 0.375, 'FINITE');
INSERT INTO public.trial_params VALUES (1, 1, 'depth', 3, '{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 4}}');
INSERT INTO public.trial_params VALUES (2, 1, 'width_ratio_2', 0.7737868351757937, '{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.5, "high": 2.0, "log": true}}');
INSERT INTO public.trial_params VALUES (3, 1, 'width_ratio_3', 0.7800570948021285, '{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.5, "high": 2.0, "log": true}}');
INSERT INTO public.trial_params VALUES (4, 1, 'width_ratio_4', 0.5870401662157206, '{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.5, "high": 2.0, "log": true}}');
INSERT INTO public.trial_params VALUES (5, 1, 'activation', 3, '{"name": "CategoricalDistribution", "attributes": {"choices": ["relu", "leaky_relu", "gelu", "silu"]}}');
INSERT INTO public.trial_params VALUES (6, 1, 'batch_norm', 1, '{"name": "CategoricalDistribution", "attributes": {"choices": [true, false]}}');
INSERT INTO public.trial_params VALUES (7, 1, 'optimizer', 0, '{"name": "CategoricalDistribution", "attributes": {"choices": ["adamw", "adam"]}}');
INSERT INTO public.trial_params VALUES (8, 1, 'lr', 0.02239155963111395, '{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.001, "high": 0.03, "log": true}}');
INSERT INTO public.trial_params VALUES (9, 1, 'batch_size', 0, '{"name": "CategoricalDistribution", "attributes": {"choices": [128, 256]}}');
INSERT INTO public.trial_params VALUES (10, 1, 'weight_decay', 9.51905962042928e-05, '{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.01, "log": true}}');
INSERT INTO public.trial_params VALUES (11, 1, 'label_smoothing', 0.04893524622818168, '{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.1, "log": false}}');
INSERT INTO public.trial_params VALUES (12, 1, 'dropout', 0.058839302574032436, '{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.3, "log": false}}');
INSERT INTO public.trial_params VALUES (13, 1, 'input_dropout', 0.019341534325579057, '{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.3, "log": false}}');
INSERT INTO public.trial_params VALUES (14, 1, 'initialization', 0, '{"name": "CategoricalDistribution", "attributes": {"choices": ["default", "xavier_uniform", "kaiming_uniform", "kaiming_normal"]}}');
INSERT INTO public.trial_params VALUES (15, 1, 'augmentation', 1, '{"name": "CategoricalDistribution", "attributes": {"choices": ["none", "shift"]}}');
INSERT INTO public.trial_params VALUES (16, 2, 'depth', 4, '{"name": "IntDistribution", "attributes": {"log": false, "step": 1, "low": 2, "high": 4}}');
INSERT INTO public.trial_params VALUES (17, 2, 'width_ratio_2', 0.8484223190587648, '{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.5, "high": 2.0, "log": true}}');
INSERT INTO public.trial_params VALUES (18, 2, 'width_ratio_3', 0.5530982486164289, '{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.5, "high": 2.0, "log": true}}');
INSERT INTO public.trial_params VALUES (19, 2, 'width_ratio_4', 0.5484350933734511, '{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.5, "high": 2.0, "log": true}}');
INSERT INTO public.trial_params VALUES (20, 2, 'activation', 3, '{"name": "CategoricalDistribution", "attributes": {"choices": ["relu", "leaky_relu", "gelu", "silu"]}}');
INSERT INTO public.trial_params VALUES (21, 2, 'batch_norm', 0, '{"name": "CategoricalDistribution", "attributes": {"choices": [true, false]}}');
INSERT INTO public.trial_params VALUES (22, 2, 'optimizer', 0, '{"name": "CategoricalDistribution", "attributes": {"choices": ["adamw", "adam"]}}');
INSERT INTO public.trial_params VALUES (23, 2, 'lr', 0.002259400767906355, '{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.001, "high": 0.03, "log": true}}');
INSERT INTO public.trial_params VALUES (24, 2, 'batch_size', 1, '{"name": "CategoricalDistribution", "attributes": {"choices": [128, 256]}}');
INSERT INTO public.trial_params VALUES (25, 2, 'weight_decay', 3.909756987290962e-05, '{"name": "FloatDistribution", "attributes": {"step": null, "low": 1e-05, "high": 0.01, "log": true}}');
INSERT INTO public.trial_params VALUES (26, 2, 'label_smoothing', 0.04276045083923707, '{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.1, "log": false}}');
INSERT INTO public.trial_params VALUES (27, 2, 'dropout', 0.218160676858297, '{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.3, "log": false}}');
INSERT INTO public.trial_params VALUES (28, 2, 'input_dropout', 0.2509320622657921, '{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 0.3, "log": false}}');
INSERT INTO public.trial_params VALUES (29, 2, 'initialization', 2, '{"name": "CategoricalDistribution", "attributes": {"choices": ["default", "xavier_uniform", "kaiming_uniform", "kaiming_normal"]}}');
INSERT INTO public.trial_params VALUES (30, 2, 'augmentation', 0, '{"name": "CategoricalDistribution", "attributes": {"choices": ["none", "shift"]}}');
INSERT INTO public.trial_user_attributes VALUES (1, 1, 'config', '{"version": 1, "architecture": {"activation": "silu", "batch_norm": false, "arch": "fcn", "widths": [21, 16, 14]}, "recipe": {"epochs": 3, "batch_size": 128, "optimizer": "adamw", "lr": 0.02239155963111395, "momentum": 0.9, "nesterov": true, "schedule": "one_cycle", "weight_decay": 9.51905962042928e-05, "l1": 0.0, "label_smoothing": 0.04893524622818168, "dropout": 0.058839302574032436, "input_dropout": 0.019341534325579057, "initialization": "default", "augmentation": "shift", "augmentation_strength": 0.3, "averaging": "none"}, "dataset": {"name": "tiny", "sha256": "0000000000000000000000000000000000000000000000000000000000000000", "input_shape": [1, 8, 8], "class_names": ["a", "b", "c"], "train_count": 100, "test_count": 20}, "validation_fraction": 0.1, "split_seed": 0, "seed": 7392594068954066702, "budget": 2000}');
INSERT INTO public.trial_user_attributes VALUES (2, 1, 'weights', '2000');
INSERT INTO public.trial_user_attributes VALUES (3, 1, 'macs', '1946');
INSERT INTO public.trial_user_attributes VALUES (4, 1, 'network', '"21-16-14 silu"');
INSERT INTO public.trial_user_attributes VALUES (5, 1, 'seconds', '0.75');
INSERT INTO public.trial_user_attributes VALUES (6, 1, 'epochs', '3');
INSERT INTO public.trial_user_attributes VALUES (7, 1, 'curve', '[{"epoch": 0, "train_loss": 1.0, "validation_loss": 1.0, "validation_accuracy": 0.25, "seconds": 0.25, "lr": 0.1}, {"epoch": 1, "train_loss": 1.0, "validation_loss": 1.0, "validation_accuracy": 0.5, "seconds": 0.25, "lr": 0.1}, {"epoch": 2, "train_loss": 1.0, "validation_loss": 1.0, "validation_accuracy": 0.75, "seconds": 0.25, "lr": 0.1}]');
INSERT INTO public.trial_user_attributes VALUES (8, 2, 'config', '{"version": 1, "architecture": {"activation": "silu", "batch_norm": true, "arch": "fcn", "widths": [20, 18, 10, 5]}, "recipe": {"epochs": 3, "batch_size": 256, "optimizer": "adamw", "lr": 0.002259400767906355, "momentum": 0.9, "nesterov": true, "schedule": "one_cycle", "weight_decay": 3.909756987290962e-05, "l1": 0.0, "label_smoothing": 0.04276045083923707, "dropout": 0.218160676858297, "input_dropout": 0.2509320622657921, "initialization": "kaiming_uniform", "augmentation": "none", "augmentation_strength": 0.3, "averaging": "none"}, "dataset": {"name": "tiny", "sha256": "0000000000000000000000000000000000000000000000000000000000000000", "input_shape": [1, 8, 8], "class_names": ["a", "b", "c"], "train_count": 100, "test_count": 20}, "validation_fraction": 0.1, "split_seed": 0, "seed": 2640434609676927897, "budget": 2000}');
INSERT INTO public.trial_user_attributes VALUES (9, 2, 'weights', '1994');
INSERT INTO public.trial_user_attributes VALUES (10, 2, 'macs', '1885');
INSERT INTO public.trial_user_attributes VALUES (11, 2, 'network', '"20-18-10-5 silu, batch norm"');
INSERT INTO public.trial_user_attributes VALUES (12, 2, 'seconds', '0.75');
INSERT INTO public.trial_user_attributes VALUES (13, 2, 'epochs', '3');
INSERT INTO public.trial_user_attributes VALUES (14, 2, 'curve', '[{"epoch": 0, "train_loss": 1.0, "validation_loss": 1.0, "validation_accuracy": 0.125, "seconds": 0.25, "lr": 0.1}, {"epoch": 1, "train_loss": 1.0, "validation_loss": 1.0, "validation_accuracy": 0.25, "seconds": 0.25, "lr": 0.1}, {"epoch": 2, "train_loss": 1.0, "validation_loss": 1.0, "validation_accuracy": 0.375, "seconds": 0.25, "lr": 0.1}]');
INSERT INTO public.trial_values VALUES (1, 1, 0, 0.75, 'FINITE');
INSERT INTO public.trial_values VALUES (2, 2, 0, 0.375, 'FINITE');
INSERT INTO public.trials VALUES (1, 0, 1, 'COMPLETE', '2026-11-21 12:20:37.290663', '2026-11-21 12:20:37.356156');
INSERT INTO public.trials VALUES (2, 1, 1, 'COMPLETE', '2026-11-21 12:20:37.369377', '2026-11-21 12:20:37.41211');
INSERT INTO public.version_info VALUES (1, 12, '5.0.0');
SELECT pg_catalog.setval('public.hpsearch_events_id_seq', 4, true);
SELECT pg_catalog.setval('public.hpsearch_layout_version_seq', 1, false);
SELECT pg_catalog.setval('public.hpsearch_test_scores_id_seq', 1, false);
SELECT pg_catalog.setval('public.studies_study_id_seq', 1, true);
SELECT pg_catalog.setval('public.study_directions_study_direction_id_seq', 1, true);
SELECT pg_catalog.setval('public.study_system_attributes_study_system_attribute_id_seq', 1, false);
SELECT pg_catalog.setval('public.study_user_attributes_study_user_attribute_id_seq', 4, true);
SELECT pg_catalog.setval('public.trial_heartbeats_trial_heartbeat_id_seq', 1, false);
SELECT pg_catalog.setval('public.trial_intermediate_values_trial_intermediate_value_id_seq', 6, true);
SELECT pg_catalog.setval('public.trial_params_param_id_seq', 30, true);
SELECT pg_catalog.setval('public.trial_system_attributes_trial_system_attribute_id_seq', 1, false);
SELECT pg_catalog.setval('public.trial_user_attributes_trial_user_attribute_id_seq', 14, true);
SELECT pg_catalog.setval('public.trial_values_trial_value_id_seq', 2, true);
SELECT pg_catalog.setval('public.trials_trial_id_seq', 2, true);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.hpsearch_blobs
    ADD CONSTRAINT hpsearch_blobs_pkey PRIMARY KEY (trial_id, kind);
ALTER TABLE ONLY public.hpsearch_events
    ADD CONSTRAINT hpsearch_events_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.hpsearch_layout
    ADD CONSTRAINT hpsearch_layout_pkey PRIMARY KEY (version);
ALTER TABLE ONLY public.hpsearch_leases
    ADD CONSTRAINT hpsearch_leases_pkey PRIMARY KEY (trial_id);
ALTER TABLE ONLY public.hpsearch_test_scores
    ADD CONSTRAINT hpsearch_test_scores_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.studies
    ADD CONSTRAINT studies_pkey PRIMARY KEY (study_id);
ALTER TABLE ONLY public.study_directions
    ADD CONSTRAINT study_directions_pkey PRIMARY KEY (study_direction_id);
ALTER TABLE ONLY public.study_directions
    ADD CONSTRAINT study_directions_study_id_objective_key UNIQUE (study_id, objective);
ALTER TABLE ONLY public.study_system_attributes
    ADD CONSTRAINT study_system_attributes_pkey PRIMARY KEY (study_system_attribute_id);
ALTER TABLE ONLY public.study_system_attributes
    ADD CONSTRAINT study_system_attributes_study_id_key_key UNIQUE (study_id, key);
ALTER TABLE ONLY public.study_user_attributes
    ADD CONSTRAINT study_user_attributes_pkey PRIMARY KEY (study_user_attribute_id);
ALTER TABLE ONLY public.study_user_attributes
    ADD CONSTRAINT study_user_attributes_study_id_key_key UNIQUE (study_id, key);
ALTER TABLE ONLY public.trial_heartbeats
    ADD CONSTRAINT trial_heartbeats_pkey PRIMARY KEY (trial_heartbeat_id);
ALTER TABLE ONLY public.trial_heartbeats
    ADD CONSTRAINT trial_heartbeats_trial_id_key UNIQUE (trial_id);
ALTER TABLE ONLY public.trial_intermediate_values
    ADD CONSTRAINT trial_intermediate_values_pkey PRIMARY KEY (trial_intermediate_value_id);
ALTER TABLE ONLY public.trial_intermediate_values
    ADD CONSTRAINT trial_intermediate_values_trial_id_step_key UNIQUE (trial_id, step);
ALTER TABLE ONLY public.trial_params
    ADD CONSTRAINT trial_params_pkey PRIMARY KEY (param_id);
ALTER TABLE ONLY public.trial_params
    ADD CONSTRAINT trial_params_trial_id_param_name_key UNIQUE (trial_id, param_name);
ALTER TABLE ONLY public.trial_system_attributes
    ADD CONSTRAINT trial_system_attributes_pkey PRIMARY KEY (trial_system_attribute_id);
ALTER TABLE ONLY public.trial_system_attributes
    ADD CONSTRAINT trial_system_attributes_trial_id_key_key UNIQUE (trial_id, key);
ALTER TABLE ONLY public.trial_user_attributes
    ADD CONSTRAINT trial_user_attributes_pkey PRIMARY KEY (trial_user_attribute_id);
ALTER TABLE ONLY public.trial_user_attributes
    ADD CONSTRAINT trial_user_attributes_trial_id_key_key UNIQUE (trial_id, key);
ALTER TABLE ONLY public.trial_values
    ADD CONSTRAINT trial_values_pkey PRIMARY KEY (trial_value_id);
ALTER TABLE ONLY public.trial_values
    ADD CONSTRAINT trial_values_trial_id_objective_key UNIQUE (trial_id, objective);
ALTER TABLE ONLY public.trials
    ADD CONSTRAINT trials_pkey PRIMARY KEY (trial_id);
ALTER TABLE ONLY public.version_info
    ADD CONSTRAINT version_info_pkey PRIMARY KEY (version_info_id);
CREATE INDEX ix_hpsearch_blobs_study_id ON public.hpsearch_blobs USING btree (study_id);
CREATE INDEX ix_hpsearch_events_study_id ON public.hpsearch_events USING btree (study_id);
CREATE INDEX ix_hpsearch_events_trial_id ON public.hpsearch_events USING btree (trial_id);
CREATE INDEX ix_hpsearch_leases_study_id ON public.hpsearch_leases USING btree (study_id);
CREATE INDEX ix_hpsearch_test_scores_study_id ON public.hpsearch_test_scores USING btree (study_id);
CREATE INDEX ix_hpsearch_test_scores_trial_id ON public.hpsearch_test_scores USING btree (trial_id);
CREATE UNIQUE INDEX ix_studies_study_name ON public.studies USING btree (study_name);
CREATE INDEX ix_trials_study_id ON public.trials USING btree (study_id);
ALTER TABLE ONLY public.study_directions
    ADD CONSTRAINT study_directions_study_id_fkey FOREIGN KEY (study_id) REFERENCES public.studies(study_id);
ALTER TABLE ONLY public.study_system_attributes
    ADD CONSTRAINT study_system_attributes_study_id_fkey FOREIGN KEY (study_id) REFERENCES public.studies(study_id);
ALTER TABLE ONLY public.study_user_attributes
    ADD CONSTRAINT study_user_attributes_study_id_fkey FOREIGN KEY (study_id) REFERENCES public.studies(study_id);
ALTER TABLE ONLY public.trial_heartbeats
    ADD CONSTRAINT trial_heartbeats_trial_id_fkey FOREIGN KEY (trial_id) REFERENCES public.trials(trial_id);
ALTER TABLE ONLY public.trial_intermediate_values
    ADD CONSTRAINT trial_intermediate_values_trial_id_fkey FOREIGN KEY (trial_id) REFERENCES public.trials(trial_id);
ALTER TABLE ONLY public.trial_params
    ADD CONSTRAINT trial_params_trial_id_fkey FOREIGN KEY (trial_id) REFERENCES public.trials(trial_id);
ALTER TABLE ONLY public.trial_system_attributes
    ADD CONSTRAINT trial_system_attributes_trial_id_fkey FOREIGN KEY (trial_id) REFERENCES public.trials(trial_id);
ALTER TABLE ONLY public.trial_user_attributes
    ADD CONSTRAINT trial_user_attributes_trial_id_fkey FOREIGN KEY (trial_id) REFERENCES public.trials(trial_id);
ALTER TABLE ONLY public.trial_values
    ADD CONSTRAINT trial_values_trial_id_fkey FOREIGN KEY (trial_id) REFERENCES public.trials(trial_id);
ALTER TABLE ONLY public.trials
    ADD CONSTRAINT trials_study_id_fkey FOREIGN KEY (study_id) REFERENCES public.studies(study_id);
