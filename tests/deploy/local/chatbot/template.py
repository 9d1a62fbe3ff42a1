"""A channel with two buttons, and what its role and its guardrail allow, as a template declares it."""

CHANNEL = """
Parameters:
  ByRole: {Type: String, Default: "*"}
  ByGuardrail: {Type: String, Default: "*"}
  Trusted: {Type: String, Default: chatbot.amazonaws.com}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: chat}}
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement: [{Effect: Allow, Principal: {Service: !Ref Trusted}, Action: sts:AssumeRole}]
      Policies:
        - PolicyName: buttons
          PolicyDocument:
            Version: "2012-10-17"
            Statement: [{Effect: Allow, Action: lambda:InvokeFunction, Resource: !Ref ByRole}]
  Guardrail:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      ManagedPolicyName: guardrail
      PolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Action: lambda:InvokeFunction, Resource: !Ref ByGuardrail}]
  Retry:
    Type: AWS::Chatbot::CustomAction
    Properties:
      ActionName: retry
      Definition:
        CommandText: >-
          lambda invoke --function-name worker --region $r --invocation-type Event
          --payload {"run_id":"$run"}
      Attachments:
        - ButtonText: Retry
          NotificationType: Custom
          Criteria: [{VariableName: run, Operator: HAS_VALUE}, {VariableName: state, Operator: EQUALS, Value: open}]
          Variables:
            run: $.metadata.additionalContext.run_id
            state: $.metadata.additionalContext.state
            r: $.metadata.additionalContext.region
  Status:
    Type: AWS::Chatbot::CustomAction
    Properties:
      ActionName: status
      Definition:
        CommandText: 'lambda invoke --function-name worker --region ap-southeast-1 --payload {"flow": "$flow"}'
      Attachments:
        - ButtonText: Show
          NotificationType: Custom
          Criteria: [{VariableName: flow, Operator: HAS_VALUE}]
          Variables: {flow: $.metadata.additionalContext.flow}
  Channel:
    Type: AWS::Chatbot::SlackChannelConfiguration
    Properties:
      ConfigurationName: operators
      SlackWorkspaceId: T1
      SlackChannelId: C1
      IamRoleArn: !GetAtt Role.Arn
      GuardrailPolicies: [!Ref Guardrail]
      SnsTopicArns: [!Ref Topic]
      CustomizationResourceArns: [!Ref Retry, !GetAtt Status.CustomActionArn]
"""
