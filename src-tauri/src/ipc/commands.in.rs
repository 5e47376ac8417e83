// Every command that the web view may call, by the room it lives in: `name(request) -> response`.
// Read three times: by `build.rs` (permissions), by `registry.rs` (handler) and by the bindings (`Rpc`).
commands! {
    calls:
    session {
        bootstrap(()) -> Bootstrap,
        save_settings(Settings) -> (),
        limits(()) -> Limits,
        set_limits(Limits) -> (),
    }
    accounts {
        accounts(()) -> Vec<Account>,
        test_account(AccountDraft) -> (),
        add_account(AddAccountRequest) -> Account,
        check_account(String) -> Account,
        edit_account(EditAccountRequest) -> Account,
        set_fetch_sources(SetFetchSourcesRequest) -> Vec<Account>,
        remove_account(String) -> AccountRemoval,
        probe_account(String) -> Account,
        find_kubo_services(()) -> Vec<FoundService>,
        import_kubo_services(ImportKuboServicesRequest) -> Vec<Account>,
    }
    selections {
        pick_files(()) -> Option<Selection>,
        pick_directory(()) -> Option<Selection>,
        discard_selection(String) -> (),
        drop_text(String) -> (),
    }
    transfers {
        start_upload(StartUploadRequest) -> Accepted,
        look_up_cids(LookUpRequest) -> Vec<PastedCid>,
        pin_cid(PinCidRequest) -> Accepted,
        pin_again(PinKey) -> Accepted,
        queue(QueueRequest) -> Queue,
        steer(SteerRequest) -> (),
        send_failed_to(SendFailedRequest) -> Accepted,
        clear_finished_transfers(()) -> (),
        clear_failed_transfers(()) -> (),
        try_account_now(String) -> (),
        pause_transfers(Option<String>) -> (),
        resume_transfers(Option<String>) -> (),
    }
    pins {
        pins(PinQuery) -> PinPage,
        pin_places(PlacesRequest) -> Vec<Option<u64>>,
        pin_details(PinKey) -> PinDetails,
        edit_pin(EditPinRequest) -> Pin,
        refresh_pins(()) -> (),
        copy_pins(CopyPinsRequest) -> u64,
        open_in_browser(PinKey) -> (),
    }
    unpinning {
        unpin(UnpinRequest) -> (),
        unpin_impact(PinSet) -> UnpinImpact,
        unpinnings(()) -> Vec<Unpinning>,
        undo_unpin(String) -> Undone,
    }
    proofs {
        check_copies(CheckCopiesRequest) -> CopiesChecked,
        check_progress(u32) -> Option<CheckProgress>,
        stop_checking(u32) -> (),
        compare_pin(ComparePinRequest) -> Option<Comparison>,
        comparison_progress(PinKey) -> Option<ComparisonProgress>,
        stop_comparing(PinKey) -> (),
    }
    folders {
        folders(()) -> Vec<Folder>,
        add_folder(AddFolderRequest) -> Option<Folder>,
        remove_folder(String) -> (),
        rescan_folder(String) -> (),
        folder_entries(String) -> Vec<FolderEntry>,
    }
    ;
    untyped:
    window {
        ui_ready,
        watch_changes,
        watch_drops,
        watch_progress,
    }
}
