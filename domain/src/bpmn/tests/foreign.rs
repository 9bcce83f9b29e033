use super::*;

const ENDS: &str = r#"<startEvent id="s"/><endEvent id="e"/>"#;

#[test]
fn tasks_become_commands_approvals_waits_and_computations() {
    check(
        r#"<startEvent id="s"/><serviceTask id="a" name="Book flight"/><userTask id="b" name="Look" camunda:assignee="kim"/>
        <receiveTask id="c" messageRef="m"/><scriptTask id="d" name="Sum up"><script>a + b</script></scriptTask>
        <callActivity id="f" calledElement="other"/><endEvent id="e"><terminateEventDefinition/></endEvent>"#,
        "s>a; a>b; b>c; c>d; d>f; f>e",
        r#"<message id="m" name="parcel shipped"/>"#,
        &[
            r#"book-flight: command {"on":{"BookFlightDone":{"next":"look"}},"payload":{},"send":"BookFlight","to":"receiver"}"#,
            r#"c: wait {"on":{"ParcelShipped":{"next":"sum-up"}}}"#,
            r#"e: end {"outcome":"completed"}"#,
            r#"f: call {"input":{},"on":{"completed":{"next":"e"}},"process":"other"}"#,
            r#"look: approval {"assignee":"kim","outcomes":{"done":{"next":"c","title":"Done"}}}"#,
            r#"start: start {"next":"book-flight"}"#,
            r#"sum-up: compute {"description":"a + b","next":"f","set":{}}"#,
        ],
        &["placeholder a", "placeholder b", "placeholder f", "script d"],
    );
}

#[test]
fn an_exclusive_gateway_decides_and_its_counterpart_vanishes() {
    check(
        r#"<startEvent id="s"/><exclusiveGateway id="g" name="Heavy?" default="f3"/><exclusiveGateway id="m"/>
        <manualTask id="t" name="Lift"/><endEvent id="e"/>"#,
        "s>g; g>t[${vars.kg > 20}]; g>t[= kg > 9]; g>m; t>m; m>e",
        "",
        &[
            r#"e: end {"outcome":"completed"}"#,
            r#"heavy: decide {"cases":[{"next":"lift","when":"=vars.kg > 20"},{"next":"lift","when":"=kg > 9"}],"default":{"next":"e"}}"#,
            r#"lift: approval {"outcomes":{"done":{"next":"e","title":"Done"}}}"#,
            r#"start: start {"next":"heavy"}"#,
        ],
        &["condition f2", "placeholder t"],
    );
}

#[test]
fn conditions_that_are_no_cel_are_found() {
    check(
        &format!(r#"{ENDS}<exclusiveGateway id="g"/>"#),
        "s>g; g>e[if x then y else z]; g>e[vars.a]",
        "",
        &[
            r#"e: end {"outcome":"completed"}"#,
            r#"g: decide {"cases":[{"next":"e","when":"=false"},{"next":"e","when":"=vars.a"}],"default":{}}"#,
            r#"start: start {"next":"g"}"#,
        ],
        &["condition f1", "no-default g"],
    );
}

#[test]
fn parallel_gateways_fork_and_join() {
    check(
        r#"<startEvent id="s"/><parallelGateway id="f"/><callActivity id="a" calledElement="a"/><callActivity id="b" calledElement="b"/>
        <parallelGateway id="j"/><endEvent id="e"/>"#,
        "s>f; f>a; f>b; a>j; b>j; j>e",
        "",
        &[
            r#"a: call {"input":{},"on":{"completed":{"next":"j"}},"process":"a"}"#,
            r#"b: call {"input":{},"on":{"completed":{"next":"j"}},"process":"b"}"#,
            r#"e: end {"outcome":"completed"}"#,
            r#"f: fork {"branches":{"branch-1":{"next":"a"},"branch-2":{"next":"b"}},"join":"j"}"#,
            r#"j: join {"next":"e"}"#,
            r#"start: start {"next":"f"}"#,
        ],
        &["placeholder a", "placeholder b"],
    );
}

#[test]
fn several_ways_out_of_a_task_are_branches_and_one_gateway_is_two_nodes() {
    check(
        r#"<startEvent id="s"/><parallelGateway id="g"/><endEvent id="e"/><endEvent id="x"/>"#,
        "s>g; s>g; g>e; g>x",
        "",
        &[
            r#"e: end {"outcome":"completed"}"#,
            r#"g: join {"next":"g-split"}"#,
            r#"g-split: fork {"branches":{"branch-1":{"next":"e"},"branch-2":{"next":"x"}}}"#,
            r#"start: start {"next":"start-ways"}"#,
            r#"start-ways: fork {"branches":{"branch-1":{"next":"g"},"branch-2":{"next":"g"}},"join":"g"}"#,
            r#"x: end {"outcome":"completed"}"#,
        ],
        &[],
    );
}

#[test]
fn an_event_based_gateway_waits_for_whichever_comes_first() {
    check(
        &format!(
            r#"{ENDS}<eventBasedGateway id="g" name="Answer"/><intermediateCatchEvent id="m"><messageEventDefinition messageRef="x"/></intermediateCatchEvent>
            <intermediateCatchEvent id="t"><timerEventDefinition><timeDuration>P2D</timeDuration></timerEventDefinition></intermediateCatchEvent>"#
        ),
        "s>g; g>m; g>t; m>e; t>e",
        r#"<message id="x" name="Paid"/>"#,
        &[
            r#"answer: wait {"on":{"Paid":{"next":"e"},"timeout":{"after":"P2D","next":"e"}}}"#,
            r#"e: end {"outcome":"completed"}"#,
            r#"start: start {"next":"answer"}"#,
        ],
        &[],
    );
}

#[test]
fn events_on_the_border_are_ways_out() {
    check(
        &format!(
            r#"{ENDS}<serviceTask id="a" name="Charge"/>
            <boundaryEvent id="t" attachedToRef="a"><timerEventDefinition><timeDuration>PT5M</timeDuration></timerEventDefinition></boundaryEvent>
            <boundaryEvent id="x" attachedToRef="a"><errorEventDefinition errorRef="no"/></boundaryEvent>
            <boundaryEvent id="u" attachedToRef="a"><compensateEventDefinition/></boundaryEvent>
            <boundaryEvent id="n" attachedToRef="a" cancelActivity="false"><timerEventDefinition/></boundaryEvent>
            <boundaryEvent id="c" attachedToRef="a"><conditionalEventDefinition/></boundaryEvent>
            <serviceTask id="r" name="Refund" isForCompensation="true"/><association id="q" sourceRef="u" targetRef="r"/>"#
        ),
        "s>a; a>e; t>e; x>e; n>e; c>e",
        r#"<error id="no" name="Card declined"/>"#,
        &[
            r#"charge: command {"fails":["CardDeclined"],"on":{"CardDeclined":{"next":"e"},"ChargeDone":{"next":"e"},"timeout":{"after":"PT5M","next":"e"}},"payload":{},"send":"Charge","to":"receiver","undo":{"done":"RefundDone","send":"Refund"}}"#,
            r#"e: end {"outcome":"completed"}"#,
            r#"start: start {"next":"charge"}"#,
        ],
        &["border-event c", "error-event x", "non-interrupting n", "placeholder a", "placeholder r"],
    );
}

#[test]
fn timers_and_thrown_events() {
    check(
        &format!(
            r#"{ENDS}<intermediateCatchEvent id="a"><timerEventDefinition><timeDate>2027-01-01T00:00:00Z</timeDate></timerEventDefinition></intermediateCatchEvent>
            <intermediateCatchEvent id="b"><timerEventDefinition><timeCycle>R3/PT1H</timeCycle></timerEventDefinition></intermediateCatchEvent>
            <intermediateThrowEvent id="c"><compensateEventDefinition/></intermediateThrowEvent>
            <intermediateThrowEvent id="d"/><intermediateThrowEvent id="l"><linkEventDefinition name="L"/></intermediateThrowEvent>
            <intermediateCatchEvent id="k"><linkEventDefinition name="L"/></intermediateCatchEvent>"#
        ),
        "s>a; a>b; b>c; c>d; d>l; k>e",
        "",
        &[
            r#"a: timer {"next":"b","until":"2027-01-01T00:00:00Z"}"#,
            r#"b: timer {"for":"PT1H","next":"c"}"#,
            r#"c: compensate {"next":"e"}"#,
            r#"e: end {"outcome":"completed"}"#,
            r#"start: start {"next":"a"}"#,
        ],
        &["timer b"],
    );
}

#[test]
fn sub_processes_become_steps_and_loops_for_each() {
    check(
        r#"<startEvent id="s"/><subProcess id="sub" name="Inner"><startEvent id="is"/><callActivity id="a" calledElement="a"/>
        <endEvent id="ie"/><sequenceFlow id="i1" sourceRef="is" targetRef="a"/><sequenceFlow id="i2" sourceRef="a" targetRef="ie"/></subProcess>
        <subProcess id="m" name="All hotels"><multiInstanceLoopCharacteristics isSequential="true" camunda:collection="${vars.hotels}"/>
        <callActivity id="b" calledElement="b"/></subProcess>
        <callActivity id="c" calledElement="c"><multiInstanceLoopCharacteristics/></callActivity>
        <endEvent id="e"><errorEventDefinition/></endEvent>"#,
        "s>sub; sub>m; m>c; c>e",
        "",
        &[
            r#"a: call {"input":{},"on":{"completed":{"next":"all-hotels"}},"process":"a"}"#,
            r#"all-hotels: for-each {"as":"item","do":"b","mode":"sequential","next":"each-c","over":"=vars.hotels"}"#,
            r#"b: call {"input":{},"on":{"completed":{"next":"all-hotels"}},"process":"b"}"#,
            r#"c: call {"input":{},"on":{"completed":{"next":"each-c"}},"process":"c"}"#,
            r#"e: end {"outcome":"failed","reason":"It failed."}"#,
            r#"each-c: for-each {"as":"item","do":"c","mode":"parallel","next":"e","over":"=input.items"}"#,
            r#"start: start {"next":"a"}"#,
        ],
        &["placeholder a", "placeholder b", "placeholder c", "placeholder c", "sub-process sub"],
    );
}

#[test]
fn what_does_not_map_is_found_and_the_rest_is_drawn() {
    check(
        r#"<laneSet id="ls"><lane id="l" name="Office"/></laneSet><startEvent id="s"><messageEventDefinition/></startEvent><startEvent id="s2"/>
        <inclusiveGateway id="i" default="f4"/><complexGateway id="x"/><adHocSubProcess id="ah"/><transaction id="tx"><callActivity id="a" calledElement="a"/></transaction>
        <subProcess id="es" triggeredByEvent="true"/><dataObjectReference id="d" name="File"/><textAnnotation id="n"><text>Mind this</text></textAnnotation>
        <callActivity id="lo" calledElement="lo"><extensionElements><camunda:in variables="all"/></extensionElements><standardLoopCharacteristics/></callActivity>
        <endEvent id="e"><signalEventDefinition/></endEvent>"#,
        "s>i; i>ah[input.a]; ah>tx; tx>x; i>x; x>lo; lo>e; s2>i",
        r#"<collaboration id="co"><participant id="bb" name="Bank"/><messageFlow id="mf" sourceRef="a" targetRef="bb"/></collaboration>
        <process id="other" name="Other"><task id="o"/></process>"#,
        &[
            r#"a: call {"input":{},"on":{"completed":{"next":"lo"}},"process":"a"}"#,
            r#"e: end {"outcome":"completed"}"#,
            r#"i: decide {"cases":[{"next":"a","when":"=input.a"}],"default":{"next":"lo"}}"#,
            r#"lo: call {"input":{},"on":{"completed":{"next":"e"}},"process":"lo"}"#,
            r#"start: start {"next":"i"}"#,
        ],
        &[
            "ad-hoc ah",
            "data d",
            "empty-pool bb",
            "end-event e",
            "event-sub-process es",
            "foreign-extension",
            "inclusive-gateway i",
            "inclusive-gateway x",
            "lane l",
            "loop lo",
            "message-flow mf",
            "note n",
            "placeholder a",
            "placeholder lo",
            "several-processes other",
            "several-starts s",
            "sub-process tx",
            "transaction tx",
        ],
    );
}

#[test]
fn a_process_without_start_or_end_gets_both() {
    check(
        r#"<callActivity id="a" calledElement="a"/>"#,
        "",
        "",
        &[
            r#"a: call {"input":{},"on":{"completed":{"next":"a-end"}},"process":"a"}"#,
            r#"a-end: end {}"#,
            r#"start: start {"next":"a"}"#,
        ],
        &["implicit-end a", "no-start", "placeholder a"],
    );
}

#[test]
fn shapes_give_the_layout_and_boxes_do_not_overlap() {
    let shape = |id: &str, x: i32| {
        format!(r#"<b:BPMNShape bpmnElement="{id}"><c:Bounds x="{x}" y="80" width="100" height="80"/></b:BPMNShape>"#)
    };
    let diagram = |second: i32| {
        format!(
            r#"<b:BPMNDiagram xmlns:b="http://www.omg.org/spec/BPMN/20100524/DI" xmlns:c="http://www.omg.org/spec/DD/20100524/DC"><b:BPMNPlane>{}{}{}</b:BPMNPlane></b:BPMNDiagram>"#,
            shape("s", 0),
            shape("a", second),
            shape("e", 400)
        )
    };
    let process = format!("{ENDS}<callActivity id='a' calledElement='a'/>{}", flows("s>a; a>e"));
    let layout = |second: i32| import(&file(&process, &diagram(second))).document.unwrap()["layout"].clone();
    assert_eq!(layout(200), serde_json::json!({"start": [90, 120], "a": [450, 120], "e": [810, 120]}));
    assert_ne!(layout(10)["a"], serde_json::json!([108, 120]));
}
