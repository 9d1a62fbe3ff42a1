"""What each role must be allowed, and by whom it must be assumed: what the code calls, and nothing else.

A right that a template gives beyond these is found out too: taking it away breaks nothing.
"""

from typing import Final

from tests.architecture.wiring.stacks import Stack

Needs = dict[str, tuple[str, ...]]  # actions by the ARN they are on

_READ_QUEUE: Final = (
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibility",
    "sqs:GetQueueAttributes",
)
_RUN_ONE: Final = "redshift-data:ExecuteStatement"
_RUN_STATEMENTS: Final = (_RUN_ONE, "redshift-data:BatchExecuteStatement")
_FOLLOW_STATEMENTS: Final = (
    "redshift-data:DescribeStatement",
    "redshift-data:GetStatementResult",
    "redshift-data:CancelStatement",
)
_KEEP_ITEM: Final = ("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem")
_OBJECT: Final = "pages/00000000000000000000000000000000/control/manifest"


def _appflow(*actions: str) -> tuple[str, ...]:
    return tuple(f"appflow:{action}" for action in actions)


def role_needs(stacks: dict[str, Stack]) -> dict[str, dict[str, Needs]]:
    """Return by stack and role what it must be allowed."""
    warehouse = {
        **_plain_warehouse_needs(stacks),
        **_function_needs(stacks["warehouse"]),
        **_chat_needs(stacks["warehouse"]),
    }
    return {"app": _app_needs(stacks), "warehouse": warehouse}


def _app_needs(stacks: dict[str, Stack]) -> dict[str, Needs]:
    app, bucket = stacks["app"].arns, stacks["app"].arns["UnloadBucket"]
    database_user = f"arn:aws:rds-db:{_place(stacks['app'])}:dbuser:prx-0123456789abcdef0/myapp_loader"
    return {
        "AppRole": {
            app["AppBus"]: ("events:PutEvents",),
            app["StatusQueue"]: ("sqs:ReceiveMessage", "sqs:DeleteMessage"),
            app["UpsertQueue"]: ("sqs:SendMessage",),
            "*": ("cloudwatch:PutMetricData",),
        },
        "ForwardRole": {stacks["warehouse"].arns["WarehouseBus"]: ("events:PutEvents",)},
        "UnloadRole": {
            f"{bucket}/{_OBJECT}": ("s3:PutObject", "s3:AbortMultipartUpload"),
            bucket: ("s3:ListBucket", "s3:GetBucketLocation"),
        },
        "UpsertFunctionRole": {
            f"{bucket}/{_OBJECT}": ("s3:GetObject",),
            bucket: ("s3:ListBucket",),
            app["UpsertQueue"]: _READ_QUEUE,
            **_own_log(stacks["app"], "UpsertLogGroup"),
            database_user: ("rds-db:connect",),
        },
    }


def _plain_warehouse_needs(stacks: dict[str, Stack]) -> dict[str, Needs]:
    app, warehouse = stacks["app"].arns, stacks["warehouse"].arns
    rows = warehouse["IntermediateBucket"]
    filled = ("AdvanceQueue", "WatchQueue", "SchedulesDeadLetterQueue")
    return {
        "AnswersRole": {app["AppBus"]: ("events:PutEvents",)},
        "ScheduleRole": {warehouse[queue]: ("sqs:SendMessage",) for queue in filled},
        "DdlRole": _run(stacks["warehouse"]),
        "AppFlowIngestRole": {**_ingest(stacks["warehouse"]), "*": _FOLLOW_STATEMENTS[:2]},
        "AppFlowCopyRole": {rows: ("s3:ListBucket",), f"{rows}/part": ("s3:GetObject",)},
        "UnloadCallerRole": {
            **_run(stacks["warehouse"], _RUN_ONE),
            "*": (_FOLLOW_STATEMENTS[0], _FOLLOW_STATEMENTS[2]),
        },
        "RedshiftUnloadRole": {app["UnloadRole"]: ("sts:AssumeRole",)},
    }


def _chat_needs(stack: Stack) -> dict[str, Needs]:
    """What reaches the chat channel, and what may be done from there."""
    arns = stack.arns
    return {
        "NotifyRole": {
            **_own_log(stack, "NotifyLogGroup"),
            arns["NotifyQueue"]: _READ_QUEUE,
            arns["ChatTopic"]: ("sns:Publish",),
            arns["AlarmKey"]: ("kms:Decrypt", "kms:GenerateDataKey"),
            arns["NotifiedTable"]: _KEEP_ITEM[1:],  # a write that fails tells what is there
        },
        "ChatRole": dict.fromkeys(button_functions(stack), ("lambda:InvokeFunction",)),
    }


def button_functions(stack: Stack) -> tuple[str, ...]:
    """Return the ARNs of the functions that the channel's buttons invoke."""
    return tuple(f"arn:aws:lambda:{_place(stack)}:function:myapp-{name}" for name in ("retry-run", "show-status"))


def _function_needs(stack: Stack) -> dict[str, Needs]:
    arns, flow = stack.arns, f"arn:aws:appflow:{_place(stack)}:flow/ga4-1-pages"
    profile = f"arn:aws:appflow:{_place(stack)}:connectorprofile/ga4"
    answer: Needs = {arns["WarehouseBus"]: ("events:PutEvents",)}
    keep_ops = _run(stack, *_RUN_STATEMENTS)
    mark = ("TagResource", "UntagResource")
    warehouse_profile: Needs = {
        f"arn:aws:appflow:{_place(stack)}:connectorprofile/myapp-warehouse": _appflow("UseConnectorProfile")
    }
    connect = _appflow("UseConnectorProfile", "ListConnectorEntities")
    return {
        "RegisterRole": {
            **answer,
            **keep_ops,
            **_own_log(stack, "RegisterLogGroup"),
            **warehouse_profile,
            arns["RegisterQueue"]: _READ_QUEUE,
            arns["WatchQueue"]: ("sqs:SendMessage",),
            arns["WarehouseSecret"]: ("secretsmanager:GetSecretValue",),
            arns["DdlRole"]: ("sts:AssumeRole",),
            flow: _appflow("UpdateFlow", "StartFlow", "StopFlow", "DeleteFlow", "DescribeFlow", *mark),
            "*": (*_appflow("CreateFlow"), *_FOLLOW_STATEMENTS),
            profile: (*connect, *_appflow("DescribeConnectorEntity")),
        },
        "WatchRole": {
            **answer,
            **keep_ops,
            **_own_log(stack, "WatchLogGroup"),
            **warehouse_profile,
            arns["WatchQueue"]: _READ_QUEUE,
            arns["RefreshQueue"]: ("sqs:SendMessage",),
            arns["NotifiedTable"]: _KEEP_ITEM,
            flow: _appflow("StartFlow", "DeleteFlow", "DescribeFlow", "DescribeFlowExecutionRecords", "UntagResource"),
            "*": (*_appflow("CreateFlow", "ListFlows"), *_FOLLOW_STATEMENTS),
            profile: (*connect, *_appflow("DescribeConnectorEntity")),
        },
        "AdvanceRole": {
            **answer,
            **keep_ops,
            **_own_log(stack, "AdvanceLogGroup"),
            **warehouse_profile,
            "*": _FOLLOW_STATEMENTS,
            arns["AdvanceQueue"]: _READ_QUEUE,
            flow: _appflow("UpdateFlow", "StartFlow", "StopFlow", "DescribeFlow", *mark),
            profile: connect,
        },
        "RetryRole": {
            **answer,
            **keep_ops,
            **_own_log(stack, "RetryLogGroup"),
            "*": _FOLLOW_STATEMENTS,
            arns["WatchQueue"]: ("sqs:SendMessage",),
            arns["RetryDeadLetterQueue"]: ("sqs:SendMessage",),
            flow: _appflow("StartFlow", "DescribeFlow"),
        },
        "ShowStatusRole": {
            **_own_log(stack, "ShowStatusLogGroup"),
            **_run(stack, _RUN_ONE),
            "*": _FOLLOW_STATEMENTS,
        },
        "RefreshRole": {
            **answer,
            **keep_ops,
            **_own_log(stack, "RefreshLogGroup"),
            "*": _FOLLOW_STATEMENTS,
            arns["RefreshQueue"]: (*_READ_QUEUE, "sqs:SendMessage"),
            arns["WatchQueue"]: ("sqs:SendMessage",),
            arns["UnloadCallerRole"]: ("sts:AssumeRole",),
        },
    }


def _own_log(stack: Stack, group: str) -> Needs:
    """What a function writes its log with."""
    return {f"{stack.arns[group].removesuffix('*')}log-stream:one": ("logs:CreateLogStream", "logs:PutLogEvents")}


def _run(stack: Stack, *actions: str) -> Needs:
    """What runs statements as the role's own database user; without actions, what only logs in."""
    cluster, database = stack.parameters["ClusterIdentifier"], stack.parameters["DatabaseName"]
    if not cluster:
        return {str(stack.parameters["WorkgroupArn"]): (*actions, "redshift-serverless:GetCredentials")}
    login: Needs = {_in_cluster(stack, f"dbname:{cluster}/{database}"): ("redshift:GetClusterCredentialsWithIAM",)}
    return {**login, _in_cluster(stack, f"cluster:{cluster}"): actions} if actions else login


def _ingest(stack: Stack) -> Needs:
    """What AppFlow runs statements with; in a cluster as the database user that its profile names."""
    cluster, database = stack.parameters["ClusterIdentifier"], stack.parameters["DatabaseName"]
    if not cluster:
        login = ("redshift-serverless:GetCredentials", "redshift-serverless:GetWorkgroup")
        return {str(stack.parameters["WorkgroupArn"]): (_RUN_ONE, *login)}
    named = (f"dbname:{cluster}/{database}", f"dbuser:{cluster}/{ingest_user(stack)}")
    return {
        _in_cluster(stack, f"cluster:{cluster}"): (_RUN_ONE,),
        **{_in_cluster(stack, one): ("redshift:GetClusterCredentials",) for one in named},
    }


def ingest_user(stack: Stack) -> str:
    """Return AppFlow's database user: its role's, or in a cluster one of the same name."""
    role_name = stack.refs["AppFlowIngestRole"]
    return role_name if stack.parameters["ClusterIdentifier"] else f"IAMR:{role_name}"


def _in_cluster(stack: Stack, resource: str) -> str:
    return f"arn:aws:redshift:{_place(stack)}:{resource}"


def _place(stack: Stack) -> str:
    return f"{stack.account.region}:{stack.account.account_id}"


_FUNCTIONS: Final = ("lambda.amazonaws.com",)
_REDSHIFT: Final = ("redshift.amazonaws.com", "redshift-serverless.amazonaws.com")


def role_trust(stacks: dict[str, Stack]) -> dict[str, dict[str, tuple[str, ...]]]:
    """Return by stack and role who must be able to assume it: services, or roles by their ARN."""
    warehouse = stacks["warehouse"].arns
    redshift = _REDSHIFT[:1] if stacks["warehouse"].parameters["ClusterIdentifier"] else _REDSHIFT
    return {
        "app": {
            "AppRole": ("ec2.amazonaws.com",),
            "ForwardRole": ("events.amazonaws.com",),
            "UnloadRole": (warehouse["RedshiftUnloadRole"],),
            "UpsertFunctionRole": _FUNCTIONS,
        },
        "warehouse": {
            "AnswersRole": ("events.amazonaws.com",),
            "ScheduleRole": ("scheduler.amazonaws.com",),
            "DdlRole": (warehouse["RegisterRole"],),
            "NotifyRole": _FUNCTIONS,
            "ChatRole": ("chatbot.amazonaws.com",),
            "AppFlowIngestRole": ("appflow.amazonaws.com",),
            "AppFlowCopyRole": redshift,
            "UnloadCallerRole": (warehouse["RefreshRole"],),
            "RedshiftUnloadRole": redshift,
            "RefreshRole": _FUNCTIONS,
            "RegisterRole": _FUNCTIONS,
            "WatchRole": _FUNCTIONS,
            "AdvanceRole": _FUNCTIONS,
            "RetryRole": _FUNCTIONS,
            "ShowStatusRole": _FUNCTIONS,
        },
    }
